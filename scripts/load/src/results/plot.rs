//! A plot as SVG within a page, whose style gives the colours. It knows nothing of results.

use std::fmt::Write;

use super::axis::Axis;

/// Sizes of the drawing and of the plot in it: small enough for a phone, scaled up elsewhere.
const SIZE: (u32, u32) = (400, 240);
const LEFT: f64 = 48.0;
const RIGHT: f64 = 384.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 202.0;

/// A plot.
#[derive(Debug)]
pub(super) struct Plot {
    /// The title.
    pub(super) title: &'static str,
    /// The horizontal axis.
    pub(super) x: Axis,
    /// The vertical axis.
    pub(super) y: Axis,
    /// The lines, in the order of the legend.
    pub(super) lines: Vec<Line>,
    /// Moments that concern all lines.
    pub(super) marks: Vec<Mark>,
}

/// A line.
#[derive(Debug)]
pub(super) struct Line {
    /// Its name in the legend.
    pub(super) name: &'static str,
    /// The index of its colour in the page.
    pub(super) colour: usize,
    /// The points; `None` makes a gap.
    pub(super) points: Vec<Option<(f64, f64)>>,
}

/// A moment on the horizontal axis.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// The server was killed.
    Killed(f64),
    /// Clients stopped acting; from here on mailboxes are only emptied.
    Ended(f64),
}

impl Mark {
    fn at(self) -> f64 {
        match self {
            Self::Killed(at) | Self::Ended(at) => at,
        }
    }

    /// Its class, and its name in the legend.
    fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Killed(_) => ("killed", "server killed"),
            Self::Ended(_) => ("ended", "load ended"),
        }
    }
}

impl Plot {
    /// The plot as a figure with its legend.
    pub(super) fn figure(&self) -> String {
        let title = self.title;
        if self.lines.iter().all(|line| line.points.iter().all(Option::is_none)) {
            return format!("<figure><h2>{title}</h2><p>Nothing was measured.</p></figure>\n");
        }
        let (width, height) = SIZE;
        let mut text = format!(
            "<figure><h2>{title}</h2>\n<svg role=\"img\" aria-label=\"{title}\" viewBox=\"0 0 \
             {width} {height}\">"
        );
        self.axes(&mut text);
        for mark in &self.marks {
            let (class, _) = mark.name();
            let x = self.across(mark.at());
            let _ = write!(text, "<path class=\"{class}\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>");
        }
        for line in &self.lines {
            self.line(&mut text, line);
        }
        text.push_str("</svg>\n");
        self.legend(&mut text);
        text.push_str("</figure>\n");
        text
    }

    fn axes(&self, text: &mut String) {
        for tick in &self.y.ticks {
            let y = BOTTOM - (BOTTOM - TOP) * tick.place;
            let _ = write!(text, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>");
            if let Some(label) = &tick.label {
                let _ = write!(
                    text,
                    "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                    LEFT - 5.0,
                    y + 3.5
                );
            }
        }
        for tick in &self.x.ticks {
            let x = LEFT + (RIGHT - LEFT) * tick.place;
            let _ = write!(text, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>");
            if let Some(label) = &tick.label {
                let y = BOTTOM + 14.0;
                let _ = write!(
                    text,
                    "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>"
                );
            }
        }
        let (middle, below, above) = ((LEFT + RIGHT) / 2.0, BOTTOM + 30.0, TOP - 10.0);
        let _ = write!(
            text,
            "<path class=\"axis\" d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\"/><text x=\"{middle}\" \
             y=\"{below}\" text-anchor=\"middle\">{}</text><text x=\"4\" y=\"{above}\">{}</text>",
            self.x.title, self.y.title
        );
    }

    /// Draws adjacent points as a path, and a point without a neighbour as a dot.
    fn line(&self, text: &mut String, line: &Line) {
        let (mut joined, mut alone) = (String::new(), String::new());
        for run in line.points.split(Option::is_none) {
            let places: Vec<_> = run.iter().flatten().map(|point| self.place(*point)).collect();
            if let [(x, y)] = places.as_slice() {
                let _ = write!(alone, "M{x:.1} {y:.1}h0");
                continue;
            }
            for (number, (x, y)) in places.iter().enumerate() {
                let step = if number == 0 { 'M' } else { 'L' };
                let _ = write!(joined, "{step}{x:.1} {y:.1}");
            }
        }
        for (class, path) in [("line", joined), ("dot", alone)] {
            if !path.is_empty() {
                let (name, colour) = (line.name, line.colour);
                let _ = write!(
                    text,
                    "<path class=\"{class} c{colour}\" d=\"{path}\"><title>{name}</title></path>"
                );
            }
        }
    }

    fn legend(&self, text: &mut String) {
        text.push_str("<figcaption>");
        for line in &self.lines {
            let _ = write!(text, "<span><i class=\"c{}\"></i>{}</span> ", line.colour, line.name);
        }
        let mut named = Vec::new();
        for (class, name) in self.marks.iter().map(|mark| mark.name()) {
            if !named.contains(&class) {
                let _ = write!(text, "<span><i class=\"{class}\"></i>{name}</span> ");
                named.push(class);
            }
        }
        text.push_str("</figcaption>");
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.across(x), BOTTOM - (BOTTOM - TOP) * self.y.place(y))
    }

    fn across(&self, x: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * self.x.place(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<Option<(f64, f64)>>) -> Plot {
        Plot {
            title: "Sizes",
            x: Axis::elapsed(10.0),
            y: Axis::amounts("amount", 10.0),
            lines: vec![Line { name: "one", colour: 3, points }],
            marks: vec![Mark::Killed(5.0), Mark::Killed(10.0)],
        }
    }

    #[test]
    fn what_was_not_measured_is_a_gap() {
        let points = [Some(0.0), Some(5.0), None, Some(10.0)];
        let figure = plot(points.map(|x| x.map(|x| (x, 0.0))).to_vec()).figure();
        assert!(figure.contains("class=\"line c3\" d=\"M48.0 202.0L216.0 202.0\""), "{figure}");
        assert!(figure.contains("class=\"dot c3\" d=\"M384.0 202.0h0\""), "{figure}");
    }

    #[test]
    fn each_kill_is_a_line_and_the_legend_names_them_once() {
        let figure = plot(vec![Some((1.0, 1.0))]).figure();
        for at in ["216.0", "384.0"] {
            assert!(figure.contains(&format!("class=\"killed\" d=\"M{at} 22V202\"")), "{figure}");
        }
        assert_eq!(figure.matches("server killed").count(), 1);
    }

    #[test]
    fn a_plot_of_nothing_says_so() {
        assert!(plot(vec![None]).figure().contains("Nothing was measured"));
        assert!(plot(Vec::new()).figure().contains("Nothing was measured"));
    }
}
