"""The door of staff: the desks under /desk/, each opened by a right of `people.rules`."""
