//! Usernames as mail programs write them: `tony` and `tony@domain`.
