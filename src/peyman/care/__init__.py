"""What people do for people: reviews and questions, claims, news, and the desk where they are looked after."""
