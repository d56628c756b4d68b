//! How many decisions were allowed and denied, over time.

use maud::{Markup, html};

use super::line::LoggedDecision;
use crate::language::Texts;

const BARS: usize = 60;
const WIDTH: usize = 900;
const HEIGHT: usize = 120;

pub(super) fn plot(lines: &[LoggedDecision], texts: &Texts) -> Markup {
    let timed: Vec<(u64, bool)> = lines
        .iter()
        .filter_map(|it| Some((it.millis()?, it.is_allowed)))
        .collect();
    let first = timed.iter().map(|(at, _)| *at).min();
    let last = timed.iter().map(|(at, _)| *at).max();
    let (Some(first), Some(last)) = (first, last) else {
        return html! {};
    };
    let step = (last - first) / BARS as u64 + 1;
    let mut bars = vec![(0_usize, 0_usize); BARS];
    for (at, is_allowed) in timed {
        let place = usize::try_from((at - first) / step).unwrap_or(0);
        if let Some((allowed, denied)) = bars.get_mut(place) {
            match is_allowed {
                true => *allowed += 1,
                false => *denied += 1,
            }
        }
    }
    let most = bars
        .iter()
        .map(|(allowed, denied)| allowed + denied)
        .max()
        .unwrap_or(0)
        .max(1);
    let width = WIDTH / BARS;
    let high = |count: usize| count * (HEIGHT - 4) / most;
    let sum = |of: &[(usize, usize)], count: fn(&(usize, usize)) -> usize| -> usize {
        of.iter().map(count).sum()
    };
    let [begin, end] = [lines.first(), lines.last()]
        .map(|line| line.map(|it| it.time.replace('T', " ")).unwrap_or_default());
    html! {
        section.card {
            h2 { (texts.counts) }
            svg.plot role="img" aria-label=(texts.plot_label) viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" {
                @for (place, (allowed, denied)) in bars.iter().enumerate() {
                    @let (low, up) = (high(*denied), high(*allowed));
                    g {
                        title { (texts.allowed) ": " (allowed) ", " (texts.denied) ": " (denied) }
                        rect.denied x=(place * width + 1) y=(HEIGHT - low) width=(width - 2) height=(low) {}
                        rect.allowed x=(place * width + 1) y=(HEIGHT - low - up) width=(width - 2) height=(up) {}
                    }
                }
                line x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
            }
            p.plot-ends { time { (begin) } time { (end) } }
            p.hint {
                span.allow { span.tone aria-hidden="true" { "■ " } (texts.allowed) " " (sum(&bars, |it| it.0)) } ", "
                span.deny { span.tone aria-hidden="true" { "■ " } (texts.denied) " " (sum(&bars, |it| it.1)) } ", "
                (texts.highest_bar) " " (most)
            }
        }
    }
}
