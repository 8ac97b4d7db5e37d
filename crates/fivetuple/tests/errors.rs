//! Every cause of a failed call, produced for real: sockets on loopback, peers in Python, and
//! private network namespaces (`unshare`), in which a test may change what it likes.

mod namespace;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use fivetuple::Family;
use fivetuple::call::{
    AcceptCause, AcceptError, Advice, BindCause, BindError, ConnectCause, ConnectError, Explained,
    Fact, Holder, ListenCause, ListenError, Overlap, PortInUse, ReceiveCause, ReceiveError,
    ResolveCause, ResolveError, Resource, SendCause, SendError, SetOptionCause, SetOptionError,
    SocketCause, SocketError, Who,
};
use fivetuple::kernel::limit::{descriptor_limit, open_descriptors, set_descriptor_limit};
use fivetuple::kernel::resolve::lookup;
use fivetuple::kernel::sock_diag::sockets_on_port;
use fivetuple::kernel::{TcpState, socket_option};
use namespace::{in_namespace, run, run_again, skip};
use rustix::io::Errno;
use rustix::net::sockopt::{
    set_ipv6_v6only, set_socket_linger, set_socket_reuseaddr, set_tcp_user_timeout,
};
use rustix::net::{AddressFamily, SocketType, socket};

// ---- EADDRINUSE ----------------------------------------------------------------------------

#[test]
fn bind_in_use_names_the_listening_process_its_user_and_its_start() {
    let peer = Python::start("s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); say(s)");
    let error = refused_bind(&peer.address(), plain);
    let line = format!("bind {}: address in use (EADDRINUSE)", peer.address());
    assert_eq!(error.to_string(), line);
    let holder = only_holder(&error);
    assert_eq!(
        (holder.local, holder.state),
        (peer.address(), TcpState::Listen)
    );
    assert_eq!(holder.overlap, Overlap::Same);
    let Who::Processes(processes) = &holder.who else {
        panic!("{holder:?}")
    };
    let [process] = processes.as_slice() else {
        panic!("{processes:?}")
    };
    assert_eq!(process.pid, peer.pid);
    let name = fs::read(format!("/proc/{}/comm", peer.pid)).unwrap();
    assert_eq!(process.name, name.trim_ascii_end());
    assert_eq!(process.uid, rustix::process::getuid().as_raw());
    let age = SystemTime::now()
        .duration_since(process.since.unwrap())
        .unwrap_or_default();
    assert!(age < Duration::from_secs(60), "{age:?}");
    let facts = facts(&error);
    assert!(
        facts[0].starts_with("held by ") && facts[0].contains("since 20"),
        "{facts:?}"
    );
    assert!(
        facts[0].ends_with(&format!("LISTEN on {}", peer.address())),
        "{facts:?}"
    );
    assert_eq!(
        error.advice().first(),
        Some(&Advice::StopProcess(process.clone()))
    );
    assert!(matches!(
        error.advice().last(),
        Some(Advice::UseAnotherPort(_))
    ));
}

#[test]
fn the_port_that_is_advised_is_nobodys() {
    let here = Ipv4Addr::LOCALHOST;
    let (taken, next) = loop {
        let taken = TcpListener::bind((here, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        if let Some(Ok(next)) = port
            .checked_add(1)
            .map(|next| TcpListener::bind((here, next)))
        {
            break (taken, next);
        }
    };
    let error = BindError::new(taken.local_addr().unwrap(), Errno::ADDRINUSE);
    let Some(Advice::UseAnotherPort(advised)) = error.advice().pop() else {
        panic!("{:?}", error.advice());
    };
    assert!(advised == 0 || advised > next.local_addr().unwrap().port());
}

#[test]
fn bind_in_use_shows_a_name_that_would_steer_the_terminal_escaped() {
    let peer = Python::start(
        "open('/proc/self/comm', 'w').write('\\x1b]0;x) 1 (')
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); say(s)",
    );
    let facts = facts(&refused_bind(&peer.address(), plain));
    assert!(
        facts[0].starts_with(r"held by \x1b]0;x) 1 ( (pid "),
        "{facts:?}"
    );
}

#[test]
fn bind_in_use_names_a_socket_that_is_only_bound() {
    let peer = Python::start("s = socket.socket(); s.bind(('127.0.0.1', 0)); say(s)");
    let error = refused_bind(&peer.address(), plain);
    if in_use(&error).holders.is_empty() {
        assert_eq!(error.facts(), [Fact::HolderNotFound], "before Linux 6.8");
        return;
    }
    let holder = only_holder(&error);
    assert_eq!(
        (holder.state, pids(holder)),
        (TcpState::Closed, vec![peer.pid])
    );
    let bound = format!(": bound to {}, not listening", peer.address());
    assert!(facts(&error)[0].ends_with(&bound), "{:?}", facts(&error));
}

#[test]
fn bind_in_use_names_the_client_that_has_the_port_by_chance() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let peer = Python::start(&format!(
        "s = socket.socket(); s.connect(('127.0.0.1', {})); say(s)",
        local.port()
    ));
    let error = refused_bind(&peer.address(), reuse_address);
    let holder = only_holder(&error);
    assert_eq!(
        (holder.state, holder.peer),
        (TcpState::Established, Some(local))
    );
    assert_eq!(pids(holder), [peer.pid]);
    let by_chance =
        |fact: &Fact| matches!(fact, Fact::PortChosenByConnect(port, _) if *port == peer.port);
    assert!(error.facts().iter().any(by_chance), "{error:?}");
    assert!(error.advice().contains(&Advice::ReservePort(peer.port)));
}

#[test]
fn bind_in_use_by_this_very_program_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = refused_bind(&listener.local_addr().unwrap(), reuse_address);
    assert_eq!(pids(only_holder(&error)), [std::process::id()]);
    assert!(facts(&error)[0].starts_with("held by this very program (pid "));
    let local = listener.local_addr().unwrap();
    assert_eq!(error.advice().first(), Some(&Advice::CloseOwnSocket(local)));
}

#[test]
fn bind_in_use_after_a_fork_names_both_processes() {
    let peer = Python::start(
        "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()
import signal
if os.fork() == 0:
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    sys.stdin.read(); os._exit(0)
say(s)",
    );
    let mut pids = pids(only_holder(&refused_bind(&peer.address(), plain)));
    pids.sort_by_key(|&pid| pid != peer.pid);
    assert_eq!((pids.len(), pids[0]), (2, peer.pid));
}

#[test]
fn bind_in_use_names_only_sockets_that_conflict_and_says_how() {
    let cases = [
        (
            "0.0.0.0",
            false,
            "127.0.0.1",
            Some(Overlap::HolderIsWildcard),
        ),
        (
            "127.0.0.1",
            false,
            "0.0.0.0",
            Some(Overlap::WantedIsWildcard),
        ),
        ("127.0.0.2", false, "127.0.0.1", None),
        ("[::]", false, "127.0.0.1", Some(Overlap::HolderIsDualStack)),
        ("[::]", false, "0.0.0.0", Some(Overlap::HolderIsDualStack)),
        ("[::]", false, "[::1]", Some(Overlap::HolderIsWildcard)),
        ("[::]", true, "0.0.0.0", None),
        ("[::]", true, "[::1]", Some(Overlap::HolderIsWildcard)),
        ("[::1]", false, "127.0.0.1", None),
        ("[::1]", false, "[::]", Some(Overlap::WantedIsWildcard)),
        ("127.0.0.1", false, "[::]", Some(Overlap::WantedIsDualStack)),
        (
            "[::ffff:127.0.0.1]",
            false,
            "127.0.0.1",
            Some(Overlap::Same),
        ),
        (
            "[::ffff:127.0.0.1]",
            false,
            "0.0.0.0",
            Some(Overlap::WantedIsWildcard),
        ),
        ("[::ffff:127.0.0.1]", false, "[::1]", None),
    ];
    for (holder_ip, v6only, wanted_ip, expected) in cases {
        let any: SocketAddr = format!("{holder_ip}:0").parse().unwrap();
        let holder = new_socket(&any);
        if any.is_ipv6() {
            set_ipv6_v6only(&holder, v6only).unwrap();
        }
        rustix::net::bind(&holder, &any).unwrap();
        rustix::net::listen(&holder, 1).unwrap();
        let port = local_address(&holder).port();
        let wanted: SocketAddr = format!("{wanted_ip}:{port}").parse().unwrap();
        let case = format!("{holder_ip} v6only {v6only}, wanted {wanted_ip}");
        let socket = new_socket(&wanted);
        let result = rustix::net::bind(&socket, &wanted);
        let Some(expected) = expected else {
            assert_eq!(result, Ok(()), "{case}");
            continue;
        };
        assert_eq!(result, Err(Errno::ADDRINUSE), "{case}");
        let error = BindError::new(wanted, Errno::ADDRINUSE);
        assert_eq!(only_holder(&error).overlap, expected, "{case}");
        let said = error.facts().contains(&Fact::Overlaps(expected, wanted));
        assert_eq!(said, expected != Overlap::Same, "{case}");
        // A socket on the same port that is not in the way is not named.
        if let Ok(other) = TcpListener::bind(("127.0.0.9", port)) {
            let error = BindError::new(wanted, Errno::ADDRINUSE);
            if wanted.ip().is_loopback() {
                assert_eq!(in_use(&error).holders.len(), 1, "{case}");
            }
            drop(other);
        }
    }
}

#[test]
fn bind_in_use_by_time_wait_tells_how_long_it_lasts() {
    let listening = new_socket(&ANY4.parse().unwrap());
    rustix::net::bind(&listening, &ANY4.parse::<SocketAddr>().unwrap()).unwrap();
    rustix::net::listen(&listening, 1).unwrap();
    let listener = TcpListener::from(listening);
    let local = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(local).unwrap();
    drop(listener.accept().unwrap());
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    drop((client, listener));
    wait_until(|| {
        let entries = sockets_on_port(local.port()).unwrap();
        entries
            .iter()
            .all(|entry| entry.state == TcpState::TimeWait)
            && !entries.is_empty()
    });
    let error = refused_bind(&local, plain);
    let in_use = in_use(&error);
    let time_wait = in_use.time_wait.unwrap();
    assert_eq!((time_wait.count, in_use.holders.len()), (1, 0));
    assert!(time_wait.left <= Duration::from_secs(60) && !time_wait.left.is_zero());
    assert!(facts(&error)[0].starts_with("held by 1 ended connection in TIME-WAIT, for at most "));
    assert_eq!(error.advice().first(), Some(&Advice::SetReuseAddress));
    assert!(error.advice().contains(&Advice::WaitFor(time_wait.left)));
    // And the advice is right only if the first socket had it, too: Linux asks both.
    let socket = new_socket(&local);
    reuse_address(&socket);
    assert_eq!(rustix::net::bind(&socket, &local), Err(Errno::ADDRINUSE));
}

#[test]
fn bind_in_use_by_another_user_is_said_to_be_out_of_sight() {
    if !rustix::process::geteuid().is_root() && env::var_os(PORT).is_none() {
        return skip("needs root to have two users");
    }
    if let Some(port) = env::var_os(PORT) {
        let wanted = format!("127.0.0.1:{}", port.to_str().unwrap())
            .parse()
            .unwrap();
        let error = refused_bind(&wanted, plain);
        let user = Some("root".to_owned());
        assert_eq!(only_holder(&error).who, Who::NotVisible { uid: 0, user });
        assert_eq!(
            error.advice().first(),
            Some(&Advice::LookAsRoot(wanted.port()))
        );
        assert_eq!(
            facts(&error)[0],
            format!(
                "held by a socket of user root whose process is not visible from here: \
                 LISTEN on {wanted}"
            )
        );
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let name = "bind_in_use_by_another_user_is_said_to_be_out_of_sight";
    run_as_nobody(name, &[(PORT, port.to_string())]);
}

#[test]
fn listen_in_use_names_the_other_listening_socket_only() {
    let wanted: SocketAddr = ANY4.parse().unwrap();
    let first = new_socket(&wanted);
    reuse_address(&first);
    rustix::net::bind(&first, &wanted).unwrap();
    let local = local_address(&first);
    let second = new_socket(&local);
    reuse_address(&second);
    rustix::net::bind(&second, &local).unwrap();
    rustix::net::listen(&first, 1).unwrap();
    assert_eq!(rustix::net::listen(&second, 1), Err(Errno::ADDRINUSE));
    let error = ListenError::new(local, Errno::ADDRINUSE);
    assert_eq!(
        error.to_string(),
        format!("listen {local}: address in use (EADDRINUSE)")
    );
    let ListenCause::PortInUse(in_use) = &error.cause else {
        panic!("{error:?}")
    };
    let [holder] = in_use.holders.as_slice() else {
        panic!("{in_use:?}")
    };
    assert_eq!((holder.state, holder.local), (TcpState::Listen, local));
}

// ---- EACCES, EADDRNOTAVAIL, ports that have run out ----------------------------------------

#[test]
fn bind_to_a_low_port_names_every_way_to_be_allowed() {
    let name = "bind_to_a_low_port_names_every_way_to_be_allowed";
    if rustix::process::geteuid().is_root() {
        return run_as_nobody(name, &[]);
    }
    let wanted: SocketAddr = "127.0.0.1:80".parse().unwrap();
    let socket = new_socket(&wanted);
    if rustix::net::bind(&socket, &wanted) != Err(Errno::ACCESS) {
        return skip("this user may bind port 80");
    }
    let error = BindError::new(wanted, Errno::ACCESS);
    assert_eq!(
        error.to_string(),
        "bind 127.0.0.1:80: permission denied (EACCES)"
    );
    let BindCause::PrivilegedPort { port: 80, start } = error.cause else {
        panic!("{error:?}")
    };
    let present = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    assert_eq!(present.trim(), start.to_string());
    assert_eq!(
        error.advice(),
        [
            Advice::UsePortFrom(start),
            Advice::UseSocketActivation,
            Advice::GrantBindCapability,
            Advice::LowerUnprivilegedPortStart {
                port: 80,
                present: start
            },
        ]
    );
    let fact = format!("port 80 needs a privilege; ports from {start} on need none");
    assert_eq!(facts(&error), [fact]);
}

#[test]
fn bind_to_a_strange_address_lists_those_of_this_machine() {
    let error = refused_bind(&"192.0.2.1:0".parse().unwrap(), plain);
    let BindCause::NotLocal {
        family: Family::Inet,
        addresses,
    } = &error.cause
    else {
        panic!("{error:?}")
    };
    assert!(addresses.iter().any(is_loopback), "{addresses:?}");
    assert!(
        facts(&error)[1].contains("127.0.0.1 (lo)"),
        "{:?}",
        facts(&error)
    );
    assert!(matches!(error.advice()[..], [Advice::UseLocalAddress(_)]));
}

#[test]
fn without_ipv6_the_other_family_is_advised() {
    if in_namespace("without_ipv6_the_other_family_is_advised") {
        return;
    }
    fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1").unwrap();
    let wanted: SocketAddr = "[::1]:0".parse().unwrap();
    let error = refused_bind(&wanted, plain);
    assert_eq!(facts(&error)[1], "this machine has no IPv6 address");
    assert_eq!(error.advice(), [Advice::UseFamily(Family::Inet)]);
    let destination: SocketAddr = "[::1]:9".parse().unwrap();
    let errno = rustix::net::connect(new_socket(&destination), &destination).unwrap_err();
    let error = ConnectError::new(destination, errno);
    assert_eq!(
        error.advice().first(),
        Some(&Advice::UseFamily(Family::Inet)),
        "{error:?}"
    );
}

#[test]
fn a_link_local_address_without_its_interface_is_explained() {
    for (address, errno) in [
        ("[fe80::1]:0", Errno::INVAL),
        ("[fe80::1%77777]:0", Errno::NODEV),
    ] {
        let wanted: SocketAddr = address.parse().unwrap();
        let result = rustix::net::bind(new_socket(&wanted), &wanted);
        assert_eq!(result, Err(errno), "{address}");
        let error = BindError::new(wanted, errno);
        let BindCause::NoInterface { interfaces } = &error.cause else {
            panic!("{error:?}")
        };
        assert!(interfaces.iter().any(|name| name == "lo"));
        assert_eq!(error.advice(), [Advice::NameInterface(interfaces.clone())]);
    }
}

#[test]
fn ports_that_have_run_out_are_told_with_range_and_time_wait() {
    if in_namespace("ports_that_have_run_out_are_told_with_range_and_time_wait") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    drop(TcpStream::connect(local).unwrap());
    drop(listener.accept().unwrap());
    wait_until(|| fivetuple::kernel::sock_diag::time_wait_count() == Ok(1));
    let first = if local.port() < 50_000 {
        60_000
    } else {
        40_000
    };
    let range = format!("{first} {}", first + 15);
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", range).unwrap();
    let clients: Vec<_> = (0..16)
        .map(|_| TcpStream::connect(local).unwrap())
        .collect();
    let errno = rustix::net::connect(new_socket(&local), &local).unwrap_err();
    assert_eq!(errno, Errno::ADDRNOTAVAIL);
    let error = ConnectError::new(local, errno);
    let ConnectCause::PortsExhausted(exhausted) = &error.cause else {
        panic!("{error:?}")
    };
    assert_eq!(exhausted.range, Some(first..=first + 15));
    assert_eq!(exhausted.time_wait, Some(1));
    assert_eq!(
        facts(&error),
        [
            format!("the ports {first}–{} are taken", first + 15),
            "1 connection in TIME-WAIT on this machine".to_owned()
        ]
    );
    let error = refused_bind(&ANY4.parse().unwrap(), plain);
    assert!(
        matches!(error.cause, BindCause::PortsExhausted(_)),
        "{error:?}"
    );
    assert_eq!(
        rustix::net::listen(new_socket(&local), 1),
        Err(Errno::ADDRINUSE)
    );
    let error = ListenError::new("0.0.0.0:0".parse::<SocketAddr>().unwrap(), Errno::ADDRINUSE);
    assert!(
        matches!(error.cause, ListenCause::PortsExhausted(_)),
        "{error:?}"
    );
    drop(clients);
}

#[test]
fn connect_from_a_source_in_use_names_the_connection_that_has_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let first = new_socket(&local);
    reuse_address(&first);
    rustix::net::bind(&first, &ANY4.parse::<SocketAddr>().unwrap()).unwrap();
    let source = local_address(&first);
    let second = new_socket(&local);
    reuse_address(&second);
    rustix::net::bind(&second, &source).unwrap();
    rustix::net::connect(&first, &local).unwrap();
    let errno = rustix::net::connect(&second, &local).unwrap_err();
    assert_eq!(errno, Errno::ADDRNOTAVAIL);
    let error = ConnectError::with_source(local, source, errno);
    let ConnectCause::FiveTupleInUse {
        holder: Some(holder),
    } = &error.cause
    else {
        panic!("{error:?}")
    };
    assert_eq!((holder.local, holder.peer), (source, Some(local)));
    assert_eq!(pids(holder), [std::process::id()]);
}

// ---- connect -------------------------------------------------------------------------------

#[test]
fn connect_refused_here_says_that_nobody_listens() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = refused_connect(gone);
    assert_eq!(
        error.to_string(),
        format!("connect {gone}: connection refused (ECONNREFUSED)")
    );
    assert_eq!(error.facts(), [Fact::NobodyListens(gone)]);
    assert_eq!(error.advice(), [Advice::ListenAt(gone)]);
    let far = ConnectError::new(
        "192.0.2.1:9".parse::<SocketAddr>().unwrap(),
        Errno::CONNREFUSED,
    );
    assert_eq!(far.facts(), [Fact::RefusedFarAway]);
}

#[test]
fn connect_refused_here_names_the_address_where_the_port_is_open() {
    for (listen_at, call, reach) in [
        ("[::1]:0", "127.0.0.1", "[::1]"),
        ("127.0.0.2:0", "127.0.0.1", "127.0.0.2"),
        ("127.0.0.2:0", "0.0.0.0", "127.0.0.2"),
        ("0.0.0.0:0", "[::1]", "127.0.0.1"),
    ] {
        let listener = TcpListener::bind(listen_at).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = refused_connect(format!("{call}:{port}").parse().unwrap());
        let ConnectCause::Refused(refused) = &error.cause else {
            panic!("{error:?}")
        };
        assert!(refused.here && refused.listener.is_none());
        let [elsewhere] = refused.elsewhere.as_slice() else {
            panic!("{refused:?}")
        };
        assert_eq!(pids(elsewhere), [std::process::id()]);
        let reach = format!("{reach}:{port}").parse().unwrap();
        assert_eq!(error.advice().first(), Some(&Advice::ConnectTo(reach)));
        TcpStream::connect(reach).unwrap();
    }
}

#[test]
fn connect_timed_out_here_finds_the_full_accept_queue() {
    let wanted: SocketAddr = ANY4.parse().unwrap();
    let listening = new_socket(&wanted);
    rustix::net::bind(&listening, &wanted).unwrap();
    rustix::net::listen(&listening, 0).unwrap();
    let local = local_address(&listening);
    // One more than the backlog is accepted by the kernel; after that SYNs are dropped.
    let queued = TcpStream::connect(local).unwrap();
    let late = new_socket(&local);
    set_tcp_user_timeout(&late, 300).unwrap();
    assert_eq!(rustix::net::connect(&late, &local), Err(Errno::TIMEDOUT));
    let error = ConnectError::new(local, Errno::TIMEDOUT);
    let ConnectCause::TimedOut {
        after: None,
        full_queue: Some(queue),
    } = error.cause
    else {
        panic!("{error:?}")
    };
    assert_eq!((queue.local, queue.waiting, queue.backlog), (local, 1, 0));
    assert!(
        facts(&error)[0].contains("is full: 1 connection wait"),
        "{:?}",
        facts(&error)
    );
    let ours = ConnectError::timed_out(local, Duration::from_secs(10));
    assert_eq!(
        ours.to_string(),
        format!("connect {local}: timed out (ETIMEDOUT)")
    );
    assert_eq!(facts(&ours)[0], "given up after 10s");
    let far = ConnectError::timed_out(
        "192.0.2.1:9".parse::<SocketAddr>().unwrap(),
        Duration::from_secs(1),
    );
    assert_eq!(far.facts().last(), Some(&Fact::SynNotAnswered));
    drop(queued);
}

#[test]
fn connect_without_a_route_is_told_from_an_unreachable_host() {
    if in_namespace("connect_without_a_route_is_told_from_an_unreachable_host") {
        return;
    }
    let connect = |address: &str| {
        let address: SocketAddr = address.parse().unwrap();
        let errno = rustix::net::connect(new_socket(&address), &address).unwrap_err();
        ConnectError::new(address, errno)
    };
    let error = connect("192.0.2.1:9");
    assert_eq!(
        error.to_string(),
        "connect 192.0.2.1:9: network unreachable (ENETUNREACH)"
    );
    let alone = [
        Fact::NoRoute(Family::Inet),
        Fact::NoAddressBeyond(Family::Inet),
    ];
    assert_eq!(error.facts(), alone);
    let error = connect("[2001:db8::1]:9");
    assert_eq!(error.code().name(), "ENETUNREACH");
    assert_eq!(error.advice(), [Advice::CheckNetwork]);
    run("ip", &["address", "add", "198.51.100.1/24", "dev", "lo"]);
    let other = Advice::UseFamily(Family::Inet);
    assert!(connect("[2001:db8::1]:9").advice().contains(&other));
    assert_eq!(
        connect("192.0.2.1:9").facts(),
        [Fact::NoRoute(Family::Inet)]
    );
    run("ip", &["route", "add", "unreachable", "203.0.113.0/24"]);
    let error = connect("203.0.113.1:9");
    assert_eq!(
        error.to_string(),
        "connect 203.0.113.1:9: host unreachable (EHOSTUNREACH)"
    );
    assert_eq!(error.facts(), [Fact::HostUnreachable]);
    run("ip", &["route", "add", "prohibit", "203.0.114.0/24"]);
    let error = connect("203.0.114.1:9");
    assert_eq!(error.cause, ConnectCause::NotPermitted);
}

#[test]
fn connect_forbidden_by_a_firewall_is_told() {
    let error = ConnectError::new("192.0.2.1:9".parse::<SocketAddr>().unwrap(), Errno::PERM);
    assert_eq!(error.facts(), [Fact::ForbiddenByFirewall]);
    assert_eq!(error.advice(), [Advice::CheckFirewall]);
}

// ---- descriptors, options, data ------------------------------------------------------------

#[test]
fn descriptors_that_have_run_out_are_told_with_the_limit() {
    // The limit is one of the whole process: the test runs in one of its own.
    if in_namespace("descriptors_that_have_run_out_are_told_with_the_limit") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let client = TcpStream::connect(local).unwrap();
    let mut limit = descriptor_limit();
    limit.soft = Some(open_descriptors().unwrap() + 8);
    set_descriptor_limit(limit).unwrap();
    let mut held = Vec::new();
    let errno = loop {
        match socket(AddressFamily::INET, SocketType::STREAM, None) {
            Ok(fd) => held.push(fd),
            Err(errno) => break errno,
        }
    };
    let error = SocketError::new(Family::Inet, errno);
    assert_eq!(error.code().name(), "EMFILE");
    let limited = Resource::Descriptors { limit, open: None };
    assert_eq!(error.cause, SocketCause::Resource(limited));
    assert!(facts(&error)[0].contains(&limit.soft.unwrap().to_string()));
    let errno = rustix::net::accept(&listener).unwrap_err();
    let error = AcceptError::new(local, errno);
    assert_eq!(error.cause, AcceptCause::Resource(limited));
    assert_eq!(error.advice().first(), Some(&Advice::RaiseSoftLimit(limit)));
    // One descriptor to count with, and the number is known, too.
    drop(held.pop());
    let Some(Resource::Descriptors {
        open: Some(open), ..
    }) = Resource::missing(Errno::MFILE)
    else {
        panic!("not counted")
    };
    assert!(open > 8);
    drop(client);
}

#[test]
fn an_interface_that_is_not_there_lists_those_that_are() {
    let fd = new_socket(&ANY4.parse().unwrap());
    let errno = socket_option::bind_to_device(&fd, "nosuch0").unwrap_err();
    let error = SetOptionError::new("SO_BINDTODEVICE", "nosuch0", errno);
    let line = "setsockopt SO_BINDTODEVICE nosuch0: no such interface (ENODEV)";
    assert_eq!(error.to_string(), line);
    let SetOptionCause::NoSuchInterface { interfaces } = &error.cause else {
        panic!("{error:?}")
    };
    assert!(interfaces.iter().any(|name| name == "lo"));
}

#[test]
fn a_reset_is_told_to_the_receiver_and_the_next_send_has_ended() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(local).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    set_socket_linger(&accepted, Some(Duration::ZERO)).unwrap();
    drop(accepted);
    let error = client.read(&mut [0]).unwrap_err();
    let error = ReceiveError::new(local, Errno::from_io_error(&error).unwrap());
    assert_eq!(
        error.to_string(),
        format!("recv {local}: connection reset (ECONNRESET)")
    );
    assert_eq!(
        (error.cause, error.facts()),
        (ReceiveCause::Reset, vec![Fact::ResetByPeer])
    );
    let error = client.write(&[0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let error = SendError::new(local, Errno::from_io_error(&error).unwrap());
    assert_eq!(
        (error.cause, error.code().name().as_ref()),
        (SendCause::Ended, "EPIPE")
    );
    assert!(client.shutdown(Shutdown::Write).is_err());
}

// ---- names ---------------------------------------------------------------------------------

#[test]
fn a_name_without_address_of_the_family_is_told_from_no_such_name() {
    let failure = lookup("127.0.0.1", Some(Family::Inet6)).unwrap_err();
    let error = ResolveError::new("127.0.0.1", failure);
    assert_eq!(
        error.to_string(),
        "getaddrinfo 127.0.0.1: no address of that family (EAI_NODATA)"
    );
    assert_eq!(error.facts(), [Fact::NameHasOnlyFamily(Family::Inet)]);
    assert_eq!(error.advice(), [Advice::UseFamily(Family::Inet)]);
}

#[test]
fn answers_of_a_name_server_become_typed_failures() {
    if in_namespace("answers_of_a_name_server_become_typed_failures") {
        return;
    }
    let text = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";
    let path = env::temp_dir().join(format!("fivetuple-resolv-{}", std::process::id()));
    fs::write(&path, text).unwrap();
    run(
        "mount",
        &["--bind", path.to_str().unwrap(), "/etc/resolv.conf"],
    );
    fs::remove_file(&path).unwrap();
    let server = Python::start(NAME_SERVER);
    let resolve = |name: &str, family| {
        lookup(name, family).map_err(|failure| ResolveError::new(name, failure))
    };
    let found = resolve("one.example", Some(Family::Inet)).unwrap();
    assert_eq!(found, ["192.0.2.1:0".parse().unwrap()]);
    let found = resolve("many.example", Some(Family::Inet)).unwrap();
    assert!(found.len() <= 64 && found.len() > 1, "{}", found.len());
    let error = resolve("nosuch.example", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "getaddrinfo nosuch.example: no such name (EAI_NONAME)"
    );
    assert_eq!(error.cause, ResolveCause::NoSuchName);
    let error = resolve("one.example", Some(Family::Inet6)).unwrap_err();
    assert_eq!(error.cause, ResolveCause::NoAddressOfFamily(Family::Inet6));
    for name in ["broken.example", "silent.example"] {
        let error = resolve(name, None).unwrap_err();
        assert_eq!(error.code().name(), "EAI_AGAIN", "{name}");
        let resolvers = vec!["127.0.0.1".to_owned()];
        assert_eq!(error.facts(), [Fact::NameServers(resolvers)]);
    }
    drop(server);
}

/// one: an A record; many: 100; nosuch: NXDOMAIN; broken: SERVFAIL; silent: nothing.
const NAME_SERVER: &str = "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 53))
t = socket.socket(); t.bind(('127.0.0.1', 53)); t.listen()
import struct, threading
def answer(q, limit):
    at, labels = 12, []
    while q[at]:
        labels.append(q[at+1:at+1+q[at]]); at += 1 + q[at]
    kind = struct.unpack('>H', q[at+1:at+3])[0]
    question, name = q[12:at+5], labels[0]
    if name == b'silent': return None
    code = {b'nosuch': 3, b'broken': 2}.get(name, 0)
    count = {b'one': 1, b'many': 100}.get(name, 0) if kind == 1 else 0
    record = b''.join(b'\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\0\\0\\4' + bytes((192, 0, 2, n + 1)) for n in range(count))
    flags = 0x8180 | code
    if len(record) > limit: flags |= 0x200; record, count = b'', 0
    return q[:2] + struct.pack('>HHHHH', flags, 1, count, 0, 0) + question + record
def by_tcp():
    while True:
        c, _ = t.accept(); q = c.recv(512)[2:]; a = answer(q, 60000)
        if a: c.sendall(struct.pack('>H', len(a)) + a)
        c.close()
def by_udp():
    while True:
        q, peer = s.recvfrom(512); a = answer(q, 400)
        if a: s.sendto(a, peer)
for serve in by_tcp, by_udp: threading.Thread(target=serve, daemon=True).start()
say(t)";

// ---- what the tests need -------------------------------------------------------------------

const ANY4: &str = "127.0.0.1:0";
const PORT: &str = "FIVETUPLE_TEST_PORT";

/// A Python program that has said its pid and the address of its socket, and lives until dropped.
struct Python {
    child: Child,
    pid: u32,
    ip: String,
    port: u16,
}

impl Python {
    fn start(program: &str) -> Self {
        let prelude = "import os, socket, sys\n\
            def say(s): print(os.getpid(), *s.getsockname()[:2], flush=True)\n";
        let mut child = Command::new("python3")
            .args(["-c", &format!("{prelude}{program}\nsys.stdin.read()")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [pid, ip, port] = words[..] else {
            panic!("python said {line:?}")
        };
        let (pid, port) = (pid.parse().unwrap(), port.parse().unwrap());
        Self {
            child,
            pid,
            ip: ip.to_owned(),
            port,
        }
    }

    fn address(&self) -> SocketAddr {
        format!("{}:{}", self.ip, self.port).parse().unwrap()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs a test of this file again as the user nobody, from a copy that nobody can reach.
fn run_as_nobody(test: &str, environment: &[(&str, String)]) {
    let path = env::temp_dir().join(format!("fivetuple-{test}-{}", std::process::id()));
    fs::copy(env::current_exe().unwrap(), &path).unwrap();
    let copy = RemovedAtEnd(path);
    let mut command = Command::new(&copy.0);
    command.uid(65_534).gid(65_534).current_dir("/");
    run_again(command, test, environment);
}

/// A file that is removed when its test ends, however that ends.
struct RemovedAtEnd(PathBuf);

impl Drop for RemovedAtEnd {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "it did not come to be"
        );
        std::thread::yield_now();
    }
}

fn new_socket(address: &SocketAddr) -> OwnedFd {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    socket(family, SocketType::STREAM, None).unwrap()
}

fn local_address(socket: &OwnedFd) -> SocketAddr {
    SocketAddr::try_from(rustix::net::getsockname(socket).unwrap()).unwrap()
}

fn plain(_: &OwnedFd) {}

fn reuse_address(socket: &OwnedFd) {
    set_socket_reuseaddr(socket, true).unwrap();
}

fn refused_bind(address: &SocketAddr, prepare: impl Fn(&OwnedFd)) -> BindError {
    let socket = new_socket(address);
    prepare(&socket);
    let errno = rustix::net::bind(&socket, address).unwrap_err();
    BindError::new(*address, errno)
}

fn refused_connect(address: SocketAddr) -> ConnectError {
    let errno = rustix::net::connect(new_socket(&address), &address).unwrap_err();
    assert_eq!(errno, Errno::CONNREFUSED);
    ConnectError::new(address, errno)
}

fn in_use(error: &BindError) -> &PortInUse {
    match &error.cause {
        BindCause::PortInUse(in_use) => in_use,
        other => panic!("{other:?}"),
    }
}

fn only_holder(error: &BindError) -> &Holder {
    let [holder] = in_use(error).holders.as_slice() else {
        panic!("{error:?}")
    };
    holder
}

fn pids(holder: &Holder) -> Vec<u32> {
    match &holder.who {
        Who::Processes(processes) => processes.iter().map(|process| process.pid).collect(),
        other => panic!("{other:?}"),
    }
}

fn facts(error: &dyn Explained) -> Vec<String> {
    error.facts().iter().map(ToString::to_string).collect()
}

fn is_loopback(entry: &fivetuple::kernel::interface::InterfaceAddress) -> bool {
    entry
        .address
        .is_some_and(|address| address.ip().is_loopback())
}
