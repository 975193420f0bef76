//! A run as a picture: a lane for each virtual router, a lane for each host, time from left to right.

use crate::plan::{Order, Plan, Step};
use crate::report::Clock;
use crate::scenario::{Event, Happened, Outcome};
use core::fmt::Write;
use core::time::Duration;
use vrrp_fsm::{Instant, Status};

const LEFT: f64 = 96.0;
const WIDTH: f64 = 1100.0;
const LANE: f64 = 26.0;
const GAP: f64 = 8.0;
const TOP: f64 = 76.0;

/// What a lane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shade {
    Gone,
    Still,
    Waiting,
    Backup,
    Active,
    Draining,
    Fault,
}

impl Shade {
    const ALL: [Self; 7] = [
        Self::Active,
        Self::Draining,
        Self::Backup,
        Self::Waiting,
        Self::Fault,
        Self::Still,
        Self::Gone,
    ];

    const fn of(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Draining => Self::Draining,
            Status::Backup => Self::Backup,
            Status::Initialize | Status::Drained => Self::Waiting,
            Status::Fault => Self::Fault,
            Status::Stopped | Status::Removed => Self::Gone,
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Self::Gone => "#eef0f2",
            Self::Still => "#8e7cc3",
            Self::Waiting => "#d5dbe1",
            Self::Backup => "#a9c7e8",
            Self::Active => "#2f9e62",
            Self::Draining => "#e0a32e",
            Self::Fault => "#d9796b",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Gone => "not running",
            Self::Still => "frozen",
            Self::Waiting => "waiting, drained",
            Self::Backup => "Backup",
            Self::Active => "Active",
            Self::Draining => "handing over",
            Self::Fault => "fault",
        }
    }
}

/// The picture, as SVG.
pub fn svg(plan: &Plan, outcome: &Outcome) -> String {
    let segments = usize::from(plan.segments);
    let lanes = plan.routers.len() * segments + outcome.pings.len();
    let bottom = TOP + (LANE + GAP) * lanes as f64;
    let (width, height) = (LEFT + WIDTH + 30.0, bottom + 46.0);
    let length = outcome
        .end
        .saturating_duration_since(Instant::ZERO)
        .as_secs_f64()
        .max(1e-9);
    let x = |at: Instant| {
        LEFT + at.saturating_duration_since(Instant::ZERO).as_secs_f64() / length * WIDTH
    };
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    legend(&mut out);
    axis(&mut out, outcome.end, bottom, &x);
    let mut y = TOP;
    for router in 0..plan.routers.len() {
        for segment in 0..segments {
            let name = match segments {
                1 => format!("r{}", router + 1),
                _ => format!("r{}.{segment}", router + 1),
            };
            let priority = plan.routers.get(router).map_or(0, |r| r.priority);
            label(&mut out, y, &format!("{name} ({priority})"));
            for (from, to, shade) in lane(outcome, router, segment) {
                let (x, w) = (x(from), (x(to) - x(from)).max(0.5));
                let _ = writeln!(
                    out,
                    "<rect x=\"{x:.2}\" y=\"{y}\" width=\"{w:.2}\" height=\"{LANE}\" fill=\"{}\">\
                     <title>{name} {} {} – {}</title></rect>",
                    shade.colour(),
                    shade.word(),
                    Clock(from),
                    Clock(to)
                );
            }
            y += LANE + GAP;
        }
    }
    for (host, pings) in outcome.pings.iter().enumerate() {
        label(&mut out, y, &format!("h{} pings", host + 1));
        let middle = y + LANE / 2.0 - 2.0;
        let _ = writeln!(
            out,
            "<rect x=\"{LEFT}\" y=\"{middle}\" width=\"{WIDTH}\" height=\"4\" fill=\"#bfe3cd\"/>"
        );
        for gap in &pings.gaps {
            let (from, to) = (x(gap.first), x(gap.last + plan.ping));
            let w = (to.min(LEFT + WIDTH) - from).max(1.0);
            let lasted = gap.last.saturating_duration_since(gap.first) + plan.ping;
            let _ = writeln!(
                out,
                "<rect x=\"{from:.2}\" y=\"{y}\" width=\"{w:.2}\" height=\"{LANE}\" \
                 fill=\"#c8313a\"><title>lost for {lasted:?} from {}</title></rect>",
                Clock(gap.first)
            );
        }
        y += LANE + GAP;
    }
    steps(&mut out, &outcome.events, bottom, &x);
    out.push_str("</svg>\n");
    out
}

fn legend(out: &mut String) {
    let mut x = LEFT;
    let ping = [("#c8313a", "pings lost")];
    for (colour, word) in Shade::ALL
        .map(|s| (s.colour(), s.word()))
        .into_iter()
        .chain(ping)
    {
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"14\" width=\"14\" height=\"14\" rx=\"2\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"25\" fill=\"#333\">{word}</text>",
            x + 20.0
        );
        x += 38.0 + 6.6 * word.len() as f64;
    }
}

fn label(out: &mut String, y: f64, text: &str) {
    let (x, y) = (LEFT - 10.0, y + LANE / 2.0 + 4.0);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\" fill=\"#222\">{text}</text>"
    );
}

/// About ten marks, at round times.
fn axis(out: &mut String, end: Instant, bottom: f64, x: &dyn Fn(Instant) -> f64) {
    let rounds = [
        1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400,
    ];
    let length = end.saturating_duration_since(Instant::ZERO);
    let step = rounds
        .map(Duration::from_secs)
        .into_iter()
        .find(|s| *s * 12 >= length);
    let step = step.unwrap_or(length / 10).max(Duration::from_millis(1));
    let mut at = Instant::ZERO;
    while at <= end {
        let x = x(at);
        let seconds = at.as_nanos() / 1_000_000_000;
        let text = match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
            (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
        };
        let _ = writeln!(
            out,
            "<line x1=\"{x:.2}\" y1=\"{}\" x2=\"{x:.2}\" y2=\"{bottom}\" stroke=\"#e3e6e9\"/>\
             <text x=\"{x:.2}\" y=\"{}\" text-anchor=\"middle\" fill=\"#666\">{text}</text>",
            TOP - 6.0,
            bottom + 18.0
        );
        at += step;
    }
}

/// What was done: a thin line, in words where there is room for them.
fn steps(out: &mut String, events: &[Event], bottom: f64, x: &dyn Fn(Instant) -> f64) {
    let mut free = f64::MIN;
    for event in events {
        let Happened::Step(step) = &event.what else {
            continue;
        };
        if matches!(step, Step::Expect(_) | Step::Mark) {
            continue;
        }
        let x = x(event.at);
        let _ = writeln!(
            out,
            "<line x1=\"{x:.2}\" y1=\"{}\" x2=\"{x:.2}\" y2=\"{bottom}\" stroke=\"#333\" \
             stroke-width=\"0.7\" stroke-dasharray=\"2 2\"><title>{} {step}</title></line>",
            TOP - 8.0,
            Clock(event.at)
        );
        if x >= free {
            let text = step.to_string();
            let y = TOP - 14.0;
            let anchor = if x > LEFT + WIDTH * 0.93 {
                "end"
            } else {
                "start"
            };
            let _ = writeln!(
                out,
                "<text x=\"{x:.2}\" y=\"{y}\" font-size=\"10\" text-anchor=\"{anchor}\" \
                 fill=\"#333\">{text}</text>"
            );
            free = x + 5.6 * text.len() as f64 + 8.0;
        }
    }
}

/// What the virtual router of `router` on `segment` was, from when to when.
fn lane(outcome: &Outcome, router: usize, segment: usize) -> Vec<(Instant, Instant, Shade)> {
    let mut spans = Vec::new();
    let (mut since, mut status, mut still) = (Instant::ZERO, Shade::Gone, false);
    let mut turn = |at: Instant, shade: Shade, status: &mut Shade, still: bool| {
        let shown = if still { Shade::Still } else { *status };
        if at > since {
            spans.push((since, at, shown));
        }
        since = at;
        *status = shade;
    };
    for event in &outcome.events {
        match &event.what {
            Happened::Change(at, change) if *at == router && change.segment == segment => {
                turn(event.at, Shade::of(change.status), &mut status, still);
            }
            Happened::Step(Step::Router(at, order)) if *at == router => match order {
                Order::Crash | Order::Kill | Order::Leave => {
                    turn(event.at, Shade::Gone, &mut status, still);
                    still = false;
                }
                Order::Freeze | Order::Suspend | Order::Resume => {
                    let shade = status;
                    turn(event.at, shade, &mut status, still);
                    still = !matches!(order, Order::Resume) && status != Shade::Gone;
                }
                Order::Drain if status == Shade::Active && !still => {
                    turn(event.at, Shade::Draining, &mut status, still);
                }
                Order::Undrain if status == Shade::Draining && !still => {
                    turn(event.at, Shade::Active, &mut status, still);
                }
                Order::Start | Order::Stop | Order::Drain | Order::Undrain | Order::Priority(_) => {
                }
            },
            Happened::Change(..) | Happened::Step(_) => {}
        }
    }
    let last = status;
    turn(outcome.end, last, &mut status, still);
    spans
}
