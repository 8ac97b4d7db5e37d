//! Rooms and seats: who shares which log.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::log::{Guest, Log, Missed, Part, Piece, Place, Room as Space, Taken};
use super::sending::{PARTS, send_parts};
use super::{HubOptions, Messages};
use crate::transfer::{Outgoing, SCRATCH};

/// Lines that come together are kept together, up to so many bytes.
const PIECE_MAX: usize = 16 * 1024;
/// The longest name of a room, in characters.
const ROOM_NAME_MAX: usize = 64;

/// All rooms. A named one comes with its first member and goes with its last.
#[derive(Debug)]
pub(in crate::service) struct Hall {
    pub(in crate::service) options: HubOptions,
    /// The room of those who name none.
    lobby: Arc<Room>,
    rooms: Mutex<HashMap<Box<str>, Arc<Room>>>,
    /// Who has no seat yet.
    outside: Mutex<Outside>,
}

/// Members that are still asked, by the number of their connection.
#[derive(Debug, Default)]
struct Outside {
    stopped: bool,
    wakers: HashMap<u64, Waker>,
}

#[derive(Debug)]
struct Room {
    log: Mutex<Log>,
    messages: Messages,
}

impl Hall {
    pub(in crate::service) fn new(options: HubOptions) -> Arc<Self> {
        Arc::new(Self {
            lobby: Arc::new(Room::new(&options)),
            options,
            rooms: Mutex::default(),
            outside: Mutex::default(),
        })
    }

    /// The server stops: everybody is sent what was said until now, and nothing more.
    pub(in crate::service) fn stop(&self) {
        self.lobby.with(Log::stop);
        let rooms = lock(&self.rooms);
        let mut outside = lock(&self.outside);
        // Under both locks, so that a room that is made later is stopped from its beginning.
        outside.stopped = true;
        rooms.values().for_each(|room| room.with(Log::stop));
        let wakers = std::mem::take(&mut outside.wakers);
        drop((rooms, outside));
        wakers.into_values().for_each(Waker::wake);
    }

    /// Ready when the server stops; asked for by a connection without a seat.
    pub(in crate::service) fn poll_stopped(&self, cx: &mut Context<'_>, number: u64) -> Poll<()> {
        let mut outside = lock(&self.outside);
        if outside.stopped {
            return Poll::Ready(());
        }
        outside.wakers.insert(number, cx.waker().clone());
        Poll::Pending
    }

    /// It no longer asks.
    pub(in crate::service) fn forget(&self, number: u64) {
        lock(&self.outside).wakers.remove(&number);
    }

    /// A seat in the room of this name, or in the one room there is; `None` if somebody there has
    /// the same name.
    pub(in crate::service) fn enter(
        self: &Arc<Self>,
        room: Option<&str>,
        (guest, name): (Guest, Option<&Arc<str>>),
    ) -> Option<Seat> {
        let Some(room_name) = room else {
            let room = Arc::clone(&self.lobby);
            let number = room.join(guest, name)?;
            return Some(self.seat(room, None, number));
        };
        let mut rooms = lock(&self.rooms);
        let known = rooms.get(room_name).map(Arc::clone);
        let room = known.unwrap_or_else(|| {
            let room = Room::new(&self.options);
            if lock(&self.outside).stopped {
                room.with(Log::stop);
            }
            Arc::new(room)
        });
        let number = room.join(guest, name)?;
        rooms.insert(room_name.into(), Arc::clone(&room));
        drop(rooms);
        Some(self.seat(room, Some(room_name.into()), number))
    }

    fn seat(self: &Arc<Self>, room: Arc<Room>, room_name: Option<Box<str>>, number: u64) -> Seat {
        Seat {
            hall: Arc::clone(self),
            room,
            room_name,
            number,
        }
    }

    /// How many rooms have a name now.
    #[cfg(test)]
    fn rooms(&self) -> usize {
        lock(&self.rooms).len()
    }
}

impl Room {
    fn new(options: &HubOptions) -> Self {
        let log = Log::new(options.slow, options.max_behind, options.history);
        Self {
            log: Mutex::new(log),
            messages: options.messages,
        }
    }

    fn join(&self, guest: Guest, name: Option<&Arc<str>>) -> Option<u64> {
        self.with(|log| match name {
            Some(name) if log.named(name).is_some() => None,
            name => Some(log.join(guest, name.map(Arc::clone))),
        })
    }

    /// Works on the log, and wakes whom that concerns when the lock is given back.
    fn with<R>(&self, work: impl FnOnce(&mut Log) -> R) -> R {
        let mut log = lock(&self.log);
        let result = work(&mut log);
        let awake = std::mem::take(&mut log.awake);
        drop(log);
        for waker in awake {
            waker.wake();
        }
        result
    }
}

/// The name of a room as it is shown, or what is wrong with it.
pub(in crate::service) fn room_name(line: &[u8]) -> Result<Box<str>, String> {
    let name = std::str::from_utf8(line).unwrap_or_default().trim();
    let shown = crate::call::Visible(name.as_bytes()).to_string();
    if name.is_empty() || shown != name || name.chars().count() > ROOM_NAME_MAX {
        return Err(format!(
            "the first line names a room: 1 to {ROOM_NAME_MAX} visible characters"
        ));
    }
    Ok(name.into())
}

/// A member's seat in a room; given back when it is dropped.
#[derive(Debug)]
pub(in crate::service) struct Seat {
    hall: Arc<Hall>,
    room: Arc<Room>,
    room_name: Option<Box<str>>,
    number: u64,
}

/// What a member was sent.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service) enum Sent {
    /// Something; there may be more.
    Some,
    /// It was too slow for so much; what follows comes next.
    Missed(Missed),
    /// Nothing is new; the waker is kept.
    Nothing,
    /// Everything up to the place that was asked for.
    Reached,
}

impl Seat {
    /// Tells everybody else in the room; the pieces stand together in the log.
    pub(in crate::service) fn publish(&self, pieces: Pieces) {
        let pieces = pieces.finish();
        if !pieces.is_empty() {
            self.room.with(|log| log.append(self.number, pieces));
        }
    }

    /// Sends what is new, all of it with one call, as far as the kernel takes it.
    pub(in crate::service) fn send(
        &self,
        (cx, until): (&mut Context<'_>, Option<u64>),
        out: &mut Outgoing<'_>,
    ) -> Sent {
        with_parts(|parts| {
            let taken = self.room.with(|log| {
                let taken = log.take(self.number, until, (parts, PARTS));
                if taken == Taken::Nothing {
                    log.park(self.number, cx.waker());
                }
                taken
            });
            match taken {
                Taken::Nothing => return Sent::Nothing,
                Taken::Reached => return Sent::Reached,
                Taken::Missed(missed) => return Sent::Missed(missed),
                Taken::Parts => {}
            }
            let (place, rest) = send_parts(parts, self.room.messages, out);
            let rest = parts.get(rest..).unwrap_or_default();
            self.room.with(|log| log.sent(self.number, place, rest));
            Sent::Some
        })
    }

    /// Takes what is new into `to`, for a member without a connection.
    pub(in crate::service) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        to: &mut Vec<u8>,
    ) -> Poll<Missed> {
        with_parts(|parts| {
            self.room
                .with(|log| match log.take(self.number, None, (parts, PARTS)) {
                    Taken::Missed(missed) => Poll::Ready(missed),
                    Taken::Parts => {
                        let last = parts.last().map_or(0, |part| part.place.number + 1);
                        parts
                            .iter()
                            .for_each(|part| to.extend_from_slice(part.unseen()));
                        log.sent(self.number, Place::at(last), &[]);
                        Poll::Ready(Missed::default())
                    }
                    Taken::Nothing | Taken::Reached => {
                        log.park(self.number, cx.waker());
                        Poll::Pending
                    }
                })
        })
    }

    /// The place behind everything that was said until now.
    pub(in crate::service) fn end(&self) -> u64 {
        self.room.with(|log| log.end())
    }

    /// How many bytes may be taken from a publisher now; or when it is to ask again, if it is not
    /// woken before.
    pub(in crate::service) fn room(&self, cx: &mut Context<'_>) -> Result<usize, Instant> {
        let now = Instant::now();
        match self
            .room
            .with(|log| log.room(self.number, (cx.waker(), now)))
        {
            Space::Bytes(count) => Ok(count.min(SCRATCH)),
            Space::HeldUntil(until) => Err(until),
        }
    }

    /// Ready as soon as anybody would hear what is said.
    pub(in crate::service) fn poll_company(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self
            .room
            .with(|log| log.has_company(self.number, cx.waker()))
        {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// What this member missed, if that is why it is to be closed. Asked for while it takes
    /// nothing, too: who is stuck would never come to ask for more.
    pub(in crate::service) fn poll_cut_off(&self, cx: &mut Context<'_>) -> Poll<Missed> {
        let cut_off = |log: &mut Log| log.cut_off(self.number, cx.waker());
        match self.room.with(cut_off) {
            Some(missed) => Poll::Ready(missed),
            None => Poll::Pending,
        }
    }

    /// How many are here, this member included.
    pub(in crate::service) fn len(&self) -> usize {
        self.room.with(|log| log.len())
    }

    /// How many are here, and of their names as many as are this long together.
    pub(in crate::service) fn names(&self, max: usize) -> (usize, Vec<Arc<str>>) {
        self.room.with(|log| (log.len(), log.some_names(max)))
    }

    /// Who here has this name, upper and lower case alike.
    pub(in crate::service) fn named(&self, name: &str) -> Option<(u64, Arc<str>)> {
        self.room.with(|log| log.named(name))
    }

    /// Takes another name, unless somebody else has it.
    pub(in crate::service) fn rename(&self, name: &Arc<str>) -> bool {
        self.room.with(|log| {
            let free = log.named(name).is_none_or(|(who, _)| who == self.number);
            if free {
                log.rename(self.number, Arc::clone(name));
            }
            free
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Under the lock of the rooms, so that nobody enters a room that is going.
        let rooms = self.room_name.as_ref().map(|_| lock(&self.hall.rooms));
        let left = self.room.with(|log| {
            log.leave(self.number);
            log.len()
        });
        if let (Some(mut rooms), Some(name), 0) = (rooms, &self.room_name, left) {
            rooms.remove(name);
        }
    }
}

/// Messages on their way into the log: small ones together.
#[derive(Debug, Default)]
pub(in crate::service) struct Pieces {
    whole: Vec<Piece>,
    bytes: Vec<u8>,
    messages: u64,
    to: Option<u64>,
}

impl Pieces {
    /// For one member alone.
    pub(in crate::service) fn to(member: u64) -> Self {
        Self {
            to: Some(member),
            ..Self::default()
        }
    }

    /// One line, without its newline.
    pub(in crate::service) fn line(&mut self, text: &[u8]) {
        if self.bytes.len() + text.len() >= PIECE_MAX {
            self.end_piece();
        }
        self.bytes.extend_from_slice(text);
        self.bytes.push(b'\n');
        self.messages += 1;
    }

    /// Bytes as they came.
    pub(in crate::service) fn chunk(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(PIECE_MAX) {
            self.bytes.extend_from_slice(chunk);
            self.messages += 1;
            self.end_piece();
        }
    }

    fn end_piece(&mut self) {
        if self.messages > 0 {
            self.whole.push(Piece {
                bytes: self.bytes.as_slice().into(),
                messages: self.messages,
                to: self.to,
            });
            self.bytes.clear();
            self.messages = 0;
        }
    }

    fn finish(mut self) -> Vec<Piece> {
        self.end_piece();
        self.whole
    }
}

thread_local! {
    static PARTS_OF_THREAD: RefCell<Vec<Part>> = RefCell::new(Vec::with_capacity(PARTS));
}

/// Lends the list of this thread, empty before and after.
fn with_parts<R>(work: impl FnOnce(&mut Vec<Part>) -> R) -> R {
    PARTS_OF_THREAD.with_borrow_mut(|parts| {
        let result = work(parts);
        parts.clear();
        result
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: (Guest, Option<&Arc<str>>) = (Guest::Connection, None);

    fn named(name: &Arc<str>) -> (Guest, Option<&Arc<str>>) {
        (Guest::Connection, Some(name))
    }

    #[test]
    fn a_room_comes_with_its_first_member_and_goes_with_its_last() {
        let hall = Hall::new(HubOptions::default());
        let first = hall.enter(Some("blue"), NOBODY);
        let second = hall.enter(Some("blue"), NOBODY);
        let other = hall.enter(Some("red"), NOBODY);
        assert_eq!(hall.rooms(), 2);
        assert_eq!(second.as_ref().map(Seat::len), Some(2));
        drop((first, other));
        assert_eq!(hall.rooms(), 1);
        drop(second);
        assert_eq!(hall.rooms(), 0);
    }

    #[test]
    fn a_name_is_taken_once_in_a_room_however_it_is_written() {
        let hall = Hall::new(HubOptions::default());
        let anna = Arc::<str>::from("Anna");
        let seat = hall.enter(None, named(&anna));
        assert!(hall.enter(None, named(&"aNNa".into())).is_none());
        assert!(hall.enter(Some("elsewhere"), named(&anna)).is_some());
        assert!(seat.is_some_and(|seat| seat.rename(&"ANNA".into())));
        assert!(hall.enter(None, named(&anna)).is_some());
    }

    #[test]
    fn names_of_rooms_are_visible_and_bounded() {
        assert_eq!(room_name(b" blue room \r").as_deref(), Ok("blue room"));
        for bad in [
            &b""[..],
            b"  ",
            b"\x1b[2J",
            b"\xff",
            "a\u{202e}".as_bytes(),
            &[b'x'; 65],
        ] {
            assert!(room_name(bad).is_err(), "{bad:?}");
        }
    }
}
