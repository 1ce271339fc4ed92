//! Property (f): memory and queues stay within the documented formula.

use correio_proto::{frame::HEADER, limits};
use correio_server::{engine::connection::Held, protocol::Protocol};

use super::Reactor;
use crate::{
    check::{Check, Violation, require},
    plan::Plan,
};

/// Input and output that each connection may hold outside of the shared budgets, in bytes.
const FREE: usize = 16 * 1024;

/// Amount of output above which the server takes no further request, in bytes.
const OUTPUT_HIGH: usize = 64 * 1024;

/// Most bytes around a body in a page, with the names and subjects used here.
const MAIL_OVERHEAD: usize = 400;

/// Most bytes of a mail that a session of submission takes at once.
const SUBMISSION_CHUNK: usize = 64 * 1024;

/// Most rejected connections that are still receiving the reason.
const REJECTED_MAX: usize = 64;

/// Most displaced connections that are kept while the store works for them.
const DISPLACED_MAX: usize = 64;

impl Reactor {
    pub(super) fn check_bounds(&self, plan: &Plan) -> Result<(), Violation> {
        let connections_max = plan.limits.admission.connections_max + REJECTED_MAX + DISPLACED_MAX;
        let text = || format!("{} connections of {connections_max}", self.server.len());
        require(self.server.len() <= connections_max, Check::Bounded, text)?;
        let mut together = Held::default();
        for (id, held) in self.server.held() {
            let tap = self.taps.get(&id);
            let input_max = match tap.map(|tap| tap.talk.protocol()) {
                Some(Protocol::Submission) => submission_input_max(plan),
                _ => input_max(plan, tap.is_none_or(|tap| tap.has_logged_in)),
            };
            let output_max = output_max(plan);
            let text = || format!("connection {id} holds {held:?} of {input_max}, {output_max}");
            let is_bounded = held.input <= input_max && held.output <= output_max;
            require(is_bounded, Check::Bounded, text)?;
            together.input += held.input.saturating_sub(FREE);
            together.output += held.output.saturating_sub(FREE);
        }
        // Ready connections have not been charged yet.
        let (input_max, output_max) = (plan.limits.input_max, plan.limits.output_max);
        let is_bounded = together.input <= input_max && together.output <= output_max;
        let text = || format!("all connections hold {together:?} of {input_max}, {output_max}");
        require(is_bounded || self.server.has_ready(), Check::Bounded, text)
    }
}

/// Largest input of a connection: the largest frame, or one read.
fn input_max(plan: &Plan, has_logged_in: bool) -> usize {
    let frame = match has_logged_in {
        true => plan.session_config.frame_max(),
        false => limits::FRAME_BEFORE_LOGIN_MAX,
    };
    (frame + HEADER).max(FREE)
}

/// Largest input of submission: a chunk of a mail, and a buffer with the mail so far, which may be
/// twice as large as its content.
fn submission_input_max(plan: &Plan) -> usize {
    let mail = usize::try_from(plan.session_config.content_max).unwrap_or(usize::MAX);
    SUBMISSION_CHUNK + FREE + 3 * mail
}

/// Largest output of a connection: the output before a request, the largest page, and notices.
fn output_max(plan: &Plan) -> usize {
    let page =
        limits::PAGE_BYTES_MAX + plan.body_max + limits::PAGE_MAILS_MAX as usize * MAIL_OVERHEAD;
    OUTPUT_HIGH + page + FREE
}
