//! News that a program may wait for: new mail, another connection.

use std::thread::Thread;

use super::state::News;

/// News that nobody has taken yet, and the thread that waits for them.
#[derive(Debug, Default)]
pub(super) struct Pending {
    new_mail: bool,
    reconnected: bool,
    pub(super) waiting: Option<Thread>,
}

impl Pending {
    pub(super) fn add(&mut self, news: News) {
        match news {
            News::NewMail => self.new_mail = true,
            News::Reconnected => self.reconnected = true,
            News::Nothing => {}
        }
        self.wake();
    }

    /// Makes the waiting thread look at the state.
    pub(super) fn wake(&self) {
        if let Some(waiting) = &self.waiting {
            waiting.unpark();
        }
    }

    /// Takes the news. A new connection stands for new mail, too.
    pub(super) fn take(&mut self) -> Option<News> {
        let (new_mail, reconnected) = (self.new_mail, self.reconnected);
        (self.new_mail, self.reconnected) = (false, false);
        match (reconnected, new_mail) {
            (true, _) => Some(News::Reconnected),
            (false, true) => Some(News::NewMail),
            (false, false) => None,
        }
    }
}
