use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Op {
    Add,
    Remove(usize),
    Set(usize, Option<u64>),
    Due(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::Add),
        1 => (0..20_usize).prop_map(Op::Remove),
        6 => (0..20_usize, prop::option::of(0..50_u64)).prop_map(|(id, at)| Op::Set(id, at)),
        2 => (0..50_u64).prop_map(Op::Due),
    ]
}

proptest! {
    /// Against a list that is sorted each time.
    #[test]
    fn is_an_ordered_set(ops in prop::collection::vec(op(), 1..200)) {
        let mut timers = Timers::new();
        let mut model: Vec<(TimerId, usize, Option<u64>)> = Vec::new();
        for (number, op) in ops.into_iter().enumerate() {
            match op {
                Op::Add => model.push((timers.add(number), number, None)),
                Op::Remove(at) if at < model.len() => timers.remove(model.remove(at).0),
                Op::Set(at, due) if at < model.len() => {
                    model[at].2 = due;
                    timers.set(model[at].0, due.map(Instant::from_nanos));
                }
                Op::Remove(_) | Op::Set(..) => {}
                Op::Due(now) => {
                    let mut found = Vec::new();
                    timers.due_until(Instant::from_nanos(now), &mut found);
                    let mut due: Vec<_> = model
                        .iter()
                        .filter_map(|&(id, what, at)| Some((at.filter(|at| *at <= now)?, id, what)))
                        .collect();
                    due.sort_unstable();
                    found.sort_unstable();
                    let mut whats: Vec<usize> = due.iter().map(|due| due.2).collect();
                    whats.sort_unstable();
                    prop_assert_eq!(found, whats);
                    for (at, _, what) in due {
                        let popped = timers.pop_due(Instant::from_nanos(now));
                        prop_assert_eq!(popped, Some((Instant::from_nanos(at), what)));
                    }
                    prop_assert_eq!(timers.pop_due(Instant::from_nanos(now)), None);
                    for entry in &mut model {
                        entry.2.take_if(|at| *at <= now);
                    }
                }
            }
            let least = model.iter().filter_map(|entry| entry.2).min();
            prop_assert_eq!(timers.next(), least.map(Instant::from_nanos));
        }
    }
}
