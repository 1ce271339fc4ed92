//! (f): memory and queues stay within the formula that the documentation gives.

use correio_proto::{frame::HEADER, limits};
use correio_server::engine::connection::Held;

use super::Reactor;
use crate::{
    check::{Check, Violation, require},
    plan::Plan,
};

/// What any connection may hold of either without a share of what all have together, in bytes.
const FREE: usize = 16 * 1024;

/// Output from which on the server takes no further request, in bytes.
const OUTPUT_HIGH: usize = 64 * 1024;

/// What surrounds a body in a page, at most, with the names and subjects that are used here.
const MAIL_OVERHEAD: usize = 400;

/// Connections beyond the maximum that are told so.
const REJECTED_MAX: usize = 64;

/// Connections beyond the maximum that gave way to others and that the store is at work for.
const DISPLACED_MAX: usize = 64;

impl Reactor {
    pub(super) fn check_bounds(&self, plan: &Plan) -> Result<(), Violation> {
        let connections_max = plan.limits.admission.connections_max + REJECTED_MAX + DISPLACED_MAX;
        let text = || format!("{} connections of {connections_max}", self.server.len());
        require(self.server.len() <= connections_max, Check::Bounded, text)?;
        let mut together = Held::default();
        for (id, held) in self.server.held() {
            let has_logged_in = self.lines.get(&id).is_none_or(|line| line.has_logged_in);
            let (input_max, output_max) = (input_max(plan, has_logged_in), output_max(plan));
            let text = || format!("connection {id} holds {held:?} of {input_max}, {output_max}");
            let is_bounded = held.input <= input_max && held.output <= output_max;
            require(is_bounded, Check::Bounded, text)?;
            together.input += held.input.saturating_sub(FREE);
            together.output += held.output.saturating_sub(FREE);
        }
        // What is ready has not been counted yet.
        let (input_max, output_max) = (plan.limits.input_max, plan.limits.output_max);
        let is_bounded = together.input <= input_max && together.output <= output_max;
        let text = || format!("all connections hold {together:?} of {input_max}, {output_max}");
        require(is_bounded || self.server.has_ready(), Check::Bounded, text)
    }
}

/// The largest frame, or one read.
fn input_max(plan: &Plan, has_logged_in: bool) -> usize {
    let frame = match has_logged_in {
        true => plan.settings.frame_max(),
        false => limits::FRAME_BEFORE_LOGIN_MAX,
    };
    (frame + HEADER).max(FREE)
}

/// What stands there before a request, the largest page, and notices.
fn output_max(plan: &Plan) -> usize {
    let page =
        limits::PAGE_BYTES_MAX + plan.body_max + limits::PAGE_MAILS_MAX as usize * MAIL_OVERHEAD;
    OUTPUT_HIGH + page + FREE
}
