//! The events file: one JSON object a line, for programs. `ft explain events` is its schema.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use fivetuple::{
    ConnectionName, Event, Explained, Family, FiveTuple, Identity, Observer, SocketName,
    UnixAddress, Wants,
};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::clock;
use super::queue::{Kind, Queue};

/// The observer behind `--events`.
#[derive(Debug)]
pub(crate) struct Events {
    queue: Arc<Queue>,
}

impl Events {
    /// JSON lines into `queue`.
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }
}

impl Observer for Events {
    fn wants(&self) -> Wants {
        Wants {
            cookies: true,
            ..Wants::default()
        }
    }

    fn event(&self, event: &Event<'_>) {
        if is_written(event) {
            // The time is taken inside, so that the times of a file only ever grow.
            self.queue.push(Kind::Event, |to| {
                write(&Record::of(event, clock::now()), to);
            });
        }
    }
}

/// The line that says how many events were lost.
pub(super) fn missed(at: Timestamp, count: u64, to: &mut Vec<u8>) {
    let record = Record {
        count: Some(count),
        ..Record::new(at, "missed")
    };
    write(&record, to);
}

fn is_written(event: &Event<'_>) -> bool {
    !name(event).is_empty()
}

/// The name of an event; empty for those that are not facts of the schema.
fn name(event: &Event<'_>) -> &'static str {
    match event {
        Event::SocketCreated { .. } => "socket_created",
        Event::Bound { .. } => "bound",
        Event::Listening { .. } => "listening",
        Event::Accepted(_) => "accepted",
        Event::Connected(_) => "connected",
        Event::HalfClosed { .. } => "half_closed",
        Event::Closed { .. } => "closed",
        Event::StoppedListening { .. } => "stopped_listening",
        Event::TurnedAway { .. } => "turned_away",
        Event::Paused { .. } => "paused",
        Event::Resumed => "resumed",
        Event::Failed { .. } => "failed",
        Event::Dropped { .. } => "dropped",
        Event::FellBehind(_) => "fell_behind",
        _ => "",
    }
}

fn write(record: &Record<'_>, to: &mut Vec<u8>) {
    let before = to.len();
    match serde_json::to_writer(&mut *to, record) {
        Ok(()) => to.push(b'\n'),
        // A Vec takes everything and the keys are strings; half a line would be worse than none.
        Err(_) => to.truncate(before),
    }
}

/// One line. The order of the fields is the order of the keys.
#[derive(Serialize)]
struct Record<'a> {
    v: u8,
    at: At,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    /// `null` for a Unix socket, which has a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<Option<Local>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u64>,
    /// `null` where the kernel did not tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cookie: Option<Option<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pair: Option<u64>,
    /// `null` for a Unix socket, which has a path and the peer's process.
    #[serde(skip_serializing_if = "Option::is_none")]
    five_tuple: Option<Option<Five>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_received: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_unacknowledged: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    datagrams_dropped: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "code")]
    errno: Option<&'a dyn Explained>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "message")]
    message: Option<&'a dyn Explained>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl<'a> Record<'a> {
    fn new(at: Timestamp, event: &'static str) -> Self {
        Self {
            v: 1,
            at: At(at),
            event,
            family: None,
            protocol: None,
            local: None,
            connection: None,
            cookie: None,
            pair: None,
            five_tuple: None,
            path: None,
            peer_pid: None,
            peer_uid: None,
            by: None,
            why: None,
            direction: None,
            bytes: None,
            policy: None,
            reason: None,
            first: None,
            bytes_sent: None,
            bytes_received: None,
            bytes_unacknowledged: None,
            datagrams_dropped: None,
            duration_ns: None,
            call: None,
            errno: None,
            message: None,
            count: None,
        }
    }

    fn of(event: &Event<'a>, at: Timestamp) -> Self {
        let mut record = Self::new(at, name(event));
        match event {
            Event::SocketCreated { family, protocol } => {
                record.family = Some(family_name(*family));
                record.protocol = Some(protocol.name());
            }
            Event::Bound { local } => record.is_at(local),
            Event::Listening { local, protocol } | Event::StoppedListening { local, protocol } => {
                record.is_at(local);
                record.protocol = Some(protocol.name());
            }
            Event::Accepted(connection) | Event::Connected(connection) => {
                record.belongs_to(connection);
            }
            Event::HalfClosed { connection, by } => {
                record.belongs_to(connection);
                record.by = Some(by.name());
            }
            Event::TurnedAway { name, why } => {
                record.is_called(name);
                record.why = Some(why.name());
            }
            Event::Paused { why } => record.why = Some(why.name()),
            Event::Dropped {
                connection,
                direction,
                bytes,
            } => {
                record.belongs_to(connection);
                record.direction = Some(direction.name());
                record.bytes = Some(*bytes);
            }
            Event::FellBehind(behind) => {
                record.belongs_to(behind.connection);
                record.direction = Some(behind.direction.name());
                record.bytes = Some(behind.bytes);
                record.policy = Some(behind.policy);
            }
            Event::Closed { .. } => record.closed(event),
            Event::Failed {
                connection,
                local,
                error,
            } => {
                if let Some(connection) = connection {
                    record.belongs_to(connection);
                }
                if let Some(local) = local {
                    record.is_at(local);
                }
                record.call = Some(error.call().name());
                record.errno = Some(*error);
                record.message = Some(*error);
            }
            _ => {}
        }
        record
    }

    fn closed(&mut self, event: &Event<'a>) {
        if let Event::Closed {
            connection,
            reason,
            first,
            totals,
        } = event
        {
            self.belongs_to(connection);
            self.reason = Some(reason.name());
            self.first = Some(first.name());
            self.bytes_sent = Some(totals.bytes_sent);
            self.bytes_received = Some(totals.bytes_received);
            self.bytes_unacknowledged = Some(totals.bytes_unacknowledged);
            self.datagrams_dropped = Some(totals.datagrams_dropped).filter(|count| *count > 0);
            self.duration_ns = Some(totals.duration.as_nanos().try_into().unwrap_or(u64::MAX));
        }
    }

    fn belongs_to(&mut self, connection: &Identity) {
        self.connection = Some(connection.number);
        self.cookie = Some(connection.cookie);
        self.pair = connection.pair();
        self.is_called(&connection.name());
        if let Some(process) = connection.ends.process {
            self.peer_pid = Some(process.pid);
            self.peer_uid = Some(process.uid);
        }
    }

    fn is_called(&mut self, name: &ConnectionName) {
        match name {
            ConnectionName::FiveTuple(name) => self.five_tuple = Some(Some(Five::of(name))),
            ConnectionName::Unix(name) => {
                self.five_tuple = Some(None);
                self.path = Some(path(&name.destination));
            }
        }
    }

    fn is_at(&mut self, local: &SocketName) {
        match local {
            SocketName::Inet(address) => self.local = Some(Some(Local::of(*address))),
            SocketName::Unix(address) => {
                self.local = Some(None);
                self.path = Some(path(address));
            }
        }
    }
}

/// RFC 3339 in UTC with nine digits of a second.
struct At(Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.9}", self.0))
    }
}

#[derive(Serialize)]
struct Local {
    ip: IpAddr,
    port: u16,
}

impl Local {
    fn of(address: SocketAddr) -> Self {
        Self {
            ip: address.ip(),
            port: address.port(),
        }
    }
}

#[derive(Serialize)]
struct Five {
    source_ip: IpAddr,
    source_port: u16,
    destination_ip: IpAddr,
    destination_port: u16,
    protocol: &'static str,
}

impl Five {
    fn of(five_tuple: &FiveTuple) -> Self {
        Self {
            source_ip: five_tuple.source.ip(),
            source_port: five_tuple.source.port(),
            destination_ip: five_tuple.destination.ip(),
            destination_port: five_tuple.destination.port(),
            protocol: five_tuple.protocol.name(),
        }
    }
}

/// As it is typed behind `unix:`.
fn path(address: &UnixAddress) -> String {
    match address {
        UnixAddress::Path(path) => path.to_string_lossy().into_owned(),
        UnixAddress::Abstract(name) => format!("@{}", String::from_utf8_lossy(name)),
        UnixAddress::Unnamed => String::new(),
    }
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::Inet => "inet",
        Family::Inet6 => "inet6",
        Family::Unix => "unix",
    }
}

fn code<S: Serializer>(error: &Option<&dyn Explained>, serializer: S) -> Result<S::Ok, S::Error> {
    text(error.map(Explained::code), serializer)
}

fn message<S: Serializer>(
    error: &Option<&dyn Explained>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    text(error.as_ref(), serializer)
}

fn text<S: Serializer>(value: Option<impl fmt::Display>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(&value),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fivetuple::call::Errno;
    use fivetuple::event::{Called, FellBehind, Pause, TurnedAway};
    use fivetuple::{Call, Direction, Reason, Side, Totals};
    use serde_json::{Map, Value};

    use super::*;
    use crate::explain::events::{COMMON, EVENTS, EventSchema, KEYS, Kind as KeyKind};
    use crate::report::samples;

    fn at() -> Timestamp {
        "2026-11-23T00:04:14.000001Z".parse().unwrap()
    }

    /// Every event, and `failed` with and without a connection.
    fn every_event(look: &mut dyn FnMut(Event<'_>)) {
        let identity = samples::identity(1);
        let (connection, local) = (&identity, identity.local());
        let protocol = fivetuple::Protocol::Tcp;
        let error = samples::receive_error(Errno::CONNRESET);
        let totals = Totals {
            bytes_sent: 5,
            bytes_received: 6,
            bytes_unacknowledged: 0,
            datagrams_dropped: 0,
            duration: Duration::from_millis(1),
        };
        for family in [Family::Inet, Family::Inet6] {
            look(Event::SocketCreated { family, protocol });
        }
        look(Event::Bound { local });
        look(Event::Listening { local, protocol });
        look(Event::Accepted(connection));
        look(Event::Connected(connection));
        look(Event::Connected(&samples::connected_side(2, 1)));
        for by in [Side::Us, Side::Peer] {
            look(Event::HalfClosed { connection, by });
        }
        for reason in [
            Reason::Released,
            Reason::Reset,
            Reason::Aborted,
            Reason::TimedOut,
            Reason::Failed,
        ] {
            look(Event::Closed {
                connection,
                reason,
                first: Side::Peer,
                totals: &totals,
            });
        }
        look(Event::StoppedListening { local, protocol });
        for why in [TurnedAway::Limit, TurnedAway::PerIpLimit, TurnedAway::Rule] {
            look(Event::TurnedAway {
                name: &connection.name(),
                why,
            });
        }
        for why in [Pause::Limit, Pause::Descriptors, Pause::Memory] {
            look(Event::Paused { why });
        }
        look(Event::Resumed);
        look(Event::Failed {
            connection: Some(connection),
            local: None,
            error: &error,
        });
        look(Event::Failed {
            connection: None,
            local: Some(local),
            error: &error,
        });
        look(Event::Dropped {
            connection,
            direction: Direction::Sent,
            bytes: 9,
        });
        look(Event::FellBehind(FellBehind {
            connection,
            direction: Direction::Sent,
            bytes: 10,
            policy: "close",
        }));
    }

    fn lines() -> Vec<String> {
        let mut to = Vec::new();
        every_event(&mut |event| write(&Record::of(&event, at()), &mut to));
        missed(at(), 3, &mut to);
        let text = String::from_utf8(to).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn keeps(kind: &KeyKind, value: &Value) -> bool {
        match kind {
            KeyKind::Integer => value.is_u64(),
            KeyKind::Text => value.is_string(),
            KeyKind::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            KeyKind::Object(keys) => value.as_object().is_some_and(|object| {
                object.len() == keys.len() && keys.iter().all(|key| object.contains_key(*key))
            }),
        }
    }

    fn keeps_schema(schema: &EventSchema, object: &Map<String, Value>) {
        for key in COMMON.iter().chain(schema.required) {
            assert!(object.contains_key(*key), "{}: no {key}", schema.event);
        }
        for (key, value) in object {
            let known = COMMON.iter().chain(schema.required).chain(schema.optional);
            assert!(
                known.into_iter().any(|known| known == key),
                "{}: {key} is not in the schema",
                schema.event
            );
            let row = KEYS.iter().find(|row| row.key == key).unwrap();
            assert!(keeps(&row.kind, value), "{key}: {value}");
        }
    }

    #[test]
    fn every_line_keeps_the_schema_and_every_event_of_it_is_written() {
        let mut seen = Vec::new();
        for line in lines() {
            assert!(
                line.starts_with("{\"v\":1,\"at\":\"2026-11-23T00:04:14.000001000Z\",\"event\":\"")
            );
            let object: Map<String, Value> = serde_json::from_str(&line).unwrap();
            let event = object["event"].as_str().unwrap().to_owned();
            let schema = EVENTS.iter().find(|schema| schema.event == event).unwrap();
            keeps_schema(schema, &object);
            seen.push(event);
        }
        for schema in EVENTS {
            assert!(
                seen.iter().any(|event| event == schema.event),
                "{}",
                schema.event
            );
        }
    }

    #[test]
    fn a_connection_of_a_relay_names_its_other_one() {
        let line = lines().into_iter().find(|line| line.contains("\"pair\""));
        let line = line.unwrap();
        assert!(
            line.contains(
                "\"event\":\"connected\",\"connection\":2,\"cookie\":4098,\"pair\":1,\"five_tuple\":{"
            ),
            "{line}"
        );
    }

    #[test]
    fn keys_have_an_order() {
        let lines = lines();
        let line = |event: &str| {
            let mark = format!("\"event\":\"{event}\"");
            let line = lines.iter().find(|line| line.contains(&mark)).unwrap();
            line.replacen("{\"v\":1,\"at\":\"2026-11-23T00:04:14.000001000Z\",", "", 1)
        };
        const FIVE: &str = "\"five_tuple\":{\"source_ip\":\"127.0.0.1\",\"source_port\":51312,\
             \"destination_ip\":\"127.0.0.1\",\"destination_port\":8080,\"protocol\":\"tcp\"}";
        assert_eq!(
            line("listening"),
            "\"event\":\"listening\",\"protocol\":\"tcp\",\"local\":{\"ip\":\"127.0.0.1\",\"port\":8080}}"
        );
        assert_eq!(
            line("closed"),
            format!(
                "\"event\":\"closed\",\"connection\":1,\"cookie\":4097,{FIVE},\
                 \"reason\":\"released\",\"first\":\"peer\",\"bytes_sent\":5,\
                 \"bytes_received\":6,\"bytes_unacknowledged\":0,\"duration_ns\":1000000}}"
            )
        );
        assert_eq!(
            line("failed"),
            format!(
                "\"event\":\"failed\",\"connection\":1,\"cookie\":4097,{FIVE},\"call\":\"recv\",\
                 \"errno\":\"ECONNRESET\",\"message\":\"recv 127.0.0.1:51312 → 127.0.0.1:8080 tcp: \
                 connection reset (ECONNRESET)\"}}"
            )
        );
        assert_eq!(line("missed"), "\"event\":\"missed\",\"count\":3}");
    }

    #[test]
    fn calls_and_bytes_are_not_written() {
        let identity = samples::identity(1);
        let text = samples::written(|queue| {
            let events = Events::new(queue);
            events.event(&Event::Called(Called {
                call: Call::Listen,
                descriptor: Some(3),
                arguments: format_args!("4096"),
                result: Ok(0),
                connection: None,
            }));
            events.event(&Event::Moved {
                connection: &identity,
                direction: Direction::Sent,
                bytes: b"hello",
            });
            events.event(&Event::Resumed);
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.ends_with("\"event\":\"resumed\"}\n"), "{text}");
    }
}
