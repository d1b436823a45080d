"""The pages customers see."""
