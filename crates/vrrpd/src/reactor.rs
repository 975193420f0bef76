//! Waiting: one epoll, one timer at an absolute moment of CLOCK_BOOTTIME, and a bell that other threads ring.
//!
//! The timer is armed only when its moment changes, so a turn that changes nothing costs one system call. A timerfd
//! is not subject to timer slack, and CLOCK_BOOTTIME goes on while the machine sleeps: who was suspended for longer
//! than the others' patience must know it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, eventfd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Kernel events fetched at once. More only means another turn.
const EVENTS: usize = 16;

/// Event data of what is watched, of the timer, and of the bell.
const WATCHED: u64 = 0;
const TIMER: u64 = 1;
const BELL: u64 = 2;

const NANOS: u64 = 1_000_000_000;

/// Waits for descriptors, for a moment, and for [`Bell`]s.
pub struct Reactor {
    epoll: OwnedFd,
    timer: OwnedFd,
    bell: Bell,
    /// What the timer will still fire at.
    armed: Option<u64>,
    events: Vec<epoll::Event>,
}

/// Ends a [`Reactor::wait`] of another thread. Rings that come before the wait are not lost; several count as one.
#[derive(Clone, Debug)]
pub struct Bell(Arc<OwnedFd>);

impl Bell {
    /// Never blocks and never fails: a counter that is full has rung.
    pub fn ring(&self) {
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

impl Reactor {
    /// # Errors
    /// The kernel gives no more descriptors.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(
            TimerfdClockId::Boottime,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Edge-triggered: neither has to be read to be heard again.
        let edge = EventFlags::IN | EventFlags::ET;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), edge)?;
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), edge)?;
        Ok(Self {
            epoll,
            timer,
            bell: Bell(Arc::new(bell)),
            armed: None,
            events: Vec::with_capacity(EVENTS),
        })
    }

    /// Lets `fd` end a wait whenever it is readable.
    ///
    /// # Errors
    /// It is watched already, or cannot be.
    pub fn watch(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            fd,
            EventData::new_u64(WATCHED),
            EventFlags::IN,
        )?)
    }

    /// Something for other threads to ring.
    #[must_use]
    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }

    /// Returns when a descriptor is readable, a bell rang, or `deadline` has come. May return for no reason. Answers
    /// whether a descriptor may be readable.
    ///
    /// `deadline` is a moment of CLOCK_BOOTTIME. Unit: nanoseconds. `None`: no deadline. One that has passed makes the
    /// wait return at once.
    ///
    /// # Errors
    /// None that a caller could mend.
    pub fn wait(&mut self, deadline: Option<u64>) -> io::Result<bool> {
        if deadline != self.armed {
            self.arm(deadline)?;
        }
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            None,
        ) {
            Ok(_) => {}
            // Who was stopped and goes on has not looked.
            Err(rustix::io::Errno::INTR) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        let came = |what| self.events.iter().any(|event| event.data.u64() == what);
        let readable = came(WATCHED);
        if came(TIMER) {
            self.armed = None;
        }
        Ok(readable)
    }

    fn arm(&mut self, deadline: Option<u64>) -> io::Result<()> {
        // All zero disarms, so the beginning of time is moved by a nanosecond.
        let at = deadline.map_or(0, |at| at.max(1));
        let it_value = Timespec {
            tv_sec: (at / NANOS).try_into().unwrap_or(i64::MAX),
            tv_nsec: (at % NANOS).try_into().unwrap_or_default(),
        };
        let once = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
        self.armed = deadline;
        Ok(())
    }
}

impl core::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reactor")
            .field("armed", &self.armed)
            .finish_non_exhaustive()
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        u64::try_from(now.tv_sec).unwrap() * NANOS + u64::try_from(now.tv_nsec).unwrap()
    }

    #[test]
    fn a_deadline_ends_the_wait_and_never_early() {
        let mut reactor = Reactor::new().unwrap();
        for wait in [0, 1_000_000, 5_000_000] {
            let deadline = now() + wait;
            while now() < deadline {
                let readable = reactor.wait(Some(deadline)).unwrap();
                assert!(now() >= deadline, "nothing else could have ended this wait");
                assert!(!readable, "nothing is watched");
            }
        }
        // A moment of the past is over at once, as often as one asks.
        reactor.wait(Some(1)).unwrap();
        reactor.wait(Some(1)).unwrap();
    }

    #[test]
    fn a_bell_rings_before_and_during_the_wait() {
        let mut reactor = Reactor::new().unwrap();
        reactor.bell().ring();
        reactor.bell().ring();
        assert!(!reactor.wait(None).unwrap());
        let bell = reactor.bell();
        let ringer = std::thread::spawn(move || bell.ring());
        assert!(!reactor.wait(None).unwrap());
        ringer.join().unwrap();
    }

    #[test]
    fn a_descriptor_ends_the_wait_until_it_is_read() {
        let mut reactor = Reactor::new().unwrap();
        let (reader, writer) = io::pipe().unwrap();
        reactor.watch(reader.as_fd()).unwrap();
        rustix::io::write(&writer, b"x").unwrap();
        for _ in 0..2 {
            assert!(reactor.wait(None).unwrap());
        }
    }
}
