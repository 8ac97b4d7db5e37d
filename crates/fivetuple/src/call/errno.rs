//! Names and texts of error numbers.

use super::Errno;

/// The name of an errno's constant, as errno(3) has it: `EADDRINUSE`; `EUNKNOWN` for a number
/// that is not in the list ([`super::Code`] shows the number itself).
pub fn name(errno: Errno) -> &'static str {
    known(errno).map_or("EUNKNOWN", |(name, _)| name)
}

/// What an errno means to somebody who uses sockets: a few words of lower case.
pub fn text(errno: Errno) -> &'static str {
    known(errno).map_or("unknown error", |(_, text)| text)
}

/// Name and text of an errno.
pub(super) fn known(errno: Errno) -> Option<(&'static str, &'static str)> {
    ERRNOS
        .iter()
        .find(|(known, ..)| *known == errno)
        .map(|&(_, name, text)| (name, text))
}

/// Name and text of a code of getaddrinfo(3), by glibc's numbers.
pub(super) fn known_lookup(code: i32) -> Option<(&'static str, &'static str)> {
    LOOKUPS
        .iter()
        .find(|(known, ..)| *known == code)
        .map(|&(_, name, text)| (name, text))
}

const LOOKUPS: &[(i32, &str, &str)] = &[
    (EAI_NONAME, "EAI_NONAME", "no such name"),
    (EAI_NODATA, "EAI_NODATA", "no address of that family"),
    (EAI_AGAIN, "EAI_AGAIN", "no answer from the name server"),
    (EAI_FAIL, "EAI_FAIL", "the name server refused"),
    (-1, "EAI_BADFLAGS", "flags that do not go together"),
    (-6, "EAI_FAMILY", "family not supported"),
    (-7, "EAI_SOCKTYPE", "socket type not supported"),
    (-8, "EAI_SERVICE", "no such port name"),
    (-9, "EAI_ADDRFAMILY", "no address of that family"),
    (-10, "EAI_MEMORY", "out of memory"),
    (-11, "EAI_SYSTEM", "a system call failed"),
    (-12, "EAI_OVERFLOW", "name too long"),
    (-105, "EAI_IDN_ENCODE", "name cannot be encoded"),
];

pub(super) const EAI_NONAME: i32 = -2;
pub(super) const EAI_AGAIN: i32 = -3;
pub(super) const EAI_FAIL: i32 = -4;
pub(super) const EAI_NODATA: i32 = -5;

const ERRNOS: &[(Errno, &str, &str)] = &[
    (Errno::PERM, "EPERM", "operation not permitted"),
    (Errno::NOENT, "ENOENT", "no such file"),
    (Errno::SRCH, "ESRCH", "no such process"),
    (Errno::INTR, "EINTR", "interrupted by a signal"),
    (Errno::IO, "EIO", "input or output failed"),
    (
        Errno::NXIO,
        "ENXIO",
        "nobody at the other end of the device",
    ),
    (Errno::TOOBIG, "E2BIG", "argument list too long"),
    (Errno::NOEXEC, "ENOEXEC", "not an executable file"),
    (Errno::BADF, "EBADF", "not an open descriptor"),
    (Errno::CHILD, "ECHILD", "no child process"),
    (Errno::AGAIN, "EAGAIN", "not possible without waiting"),
    (Errno::NOMEM, "ENOMEM", "out of memory"),
    (Errno::ACCESS, "EACCES", "permission denied"),
    (Errno::FAULT, "EFAULT", "bad pointer"),
    (Errno::BUSY, "EBUSY", "busy"),
    (Errno::EXIST, "EEXIST", "exists already"),
    (Errno::XDEV, "EXDEV", "on another file system"),
    (Errno::NODEV, "ENODEV", "no such interface"),
    (Errno::NOTDIR, "ENOTDIR", "not a directory"),
    (Errno::ISDIR, "EISDIR", "is a directory"),
    (Errno::INVAL, "EINVAL", "invalid argument"),
    (Errno::NFILE, "ENFILE", "too many open files in the system"),
    (
        Errno::MFILE,
        "EMFILE",
        "too many open descriptors in this process",
    ),
    (
        Errno::NOTTY,
        "ENOTTY",
        "not possible with this kind of file",
    ),
    (Errno::TXTBSY, "ETXTBSY", "program file is being written"),
    (Errno::FBIG, "EFBIG", "file too large"),
    (Errno::NOSPC, "ENOSPC", "no space left on the device"),
    (Errno::SPIPE, "ESPIPE", "cannot seek"),
    (Errno::ROFS, "EROFS", "file system is read-only"),
    (Errno::MLINK, "EMLINK", "too many links"),
    (Errno::PIPE, "EPIPE", "sending side is closed"),
    (Errno::DOM, "EDOM", "number out of the domain"),
    (Errno::RANGE, "ERANGE", "number out of range"),
    (Errno::DEADLK, "EDEADLK", "deadlock avoided"),
    (Errno::NAMETOOLONG, "ENAMETOOLONG", "name too long"),
    (
        Errno::NOSYS,
        "ENOSYS",
        "call not implemented by this kernel",
    ),
    (Errno::LOOP, "ELOOP", "too many symbolic links"),
    (Errno::NODATA, "ENODATA", "no data"),
    (Errno::TIME, "ETIME", "timer expired"),
    (Errno::NONET, "ENONET", "machine is not on the network"),
    (Errno::NOLINK, "ENOLINK", "link is severed"),
    (Errno::COMM, "ECOMM", "communication error on send"),
    (Errno::PROTO, "EPROTO", "protocol error"),
    (Errno::BADMSG, "EBADMSG", "bad message"),
    (Errno::OVERFLOW, "EOVERFLOW", "value too large"),
    (Errno::NOTUNIQ, "ENOTUNIQ", "name not unique on the network"),
    (Errno::USERS, "EUSERS", "too many users"),
    (Errno::NOTSOCK, "ENOTSOCK", "not a socket"),
    (
        Errno::DESTADDRREQ,
        "EDESTADDRREQ",
        "destination address required",
    ),
    (Errno::MSGSIZE, "EMSGSIZE", "message too long"),
    (
        Errno::PROTOTYPE,
        "EPROTOTYPE",
        "wrong protocol for this socket type",
    ),
    (
        Errno::NOPROTOOPT,
        "ENOPROTOOPT",
        "no such option at this level",
    ),
    (
        Errno::PROTONOSUPPORT,
        "EPROTONOSUPPORT",
        "protocol not supported",
    ),
    (
        Errno::SOCKTNOSUPPORT,
        "ESOCKTNOSUPPORT",
        "socket type not supported",
    ),
    (
        Errno::OPNOTSUPP,
        "EOPNOTSUPP",
        "not supported by this socket",
    ),
    (
        Errno::PFNOSUPPORT,
        "EPFNOSUPPORT",
        "protocol family not supported",
    ),
    (
        Errno::AFNOSUPPORT,
        "EAFNOSUPPORT",
        "address family not supported",
    ),
    (Errno::ADDRINUSE, "EADDRINUSE", "address in use"),
    (
        Errno::ADDRNOTAVAIL,
        "EADDRNOTAVAIL",
        "address not available",
    ),
    (Errno::NETDOWN, "ENETDOWN", "network is down"),
    (Errno::NETUNREACH, "ENETUNREACH", "network unreachable"),
    (
        Errno::NETRESET,
        "ENETRESET",
        "connection dropped by a network reset",
    ),
    (Errno::CONNABORTED, "ECONNABORTED", "connection aborted"),
    (Errno::CONNRESET, "ECONNRESET", "connection reset"),
    (Errno::NOBUFS, "ENOBUFS", "no buffer space"),
    (Errno::ISCONN, "EISCONN", "already connected"),
    (Errno::NOTCONN, "ENOTCONN", "not connected"),
    (Errno::SHUTDOWN, "ESHUTDOWN", "endpoint is shut down"),
    (Errno::TOOMANYREFS, "ETOOMANYREFS", "too many references"),
    (Errno::TIMEDOUT, "ETIMEDOUT", "timed out"),
    (Errno::CONNREFUSED, "ECONNREFUSED", "connection refused"),
    (Errno::HOSTDOWN, "EHOSTDOWN", "host is down"),
    (Errno::HOSTUNREACH, "EHOSTUNREACH", "host unreachable"),
    (Errno::ALREADY, "EALREADY", "already in progress"),
    (Errno::INPROGRESS, "EINPROGRESS", "in progress"),
    (Errno::STALE, "ESTALE", "stale file handle"),
    (
        Errno::REMOTEIO,
        "EREMOTEIO",
        "input or output failed at the peer",
    ),
    (Errno::DQUOT, "EDQUOT", "disk quota exceeded"),
    (Errno::CANCELED, "ECANCELED", "canceled"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_library() {
        assert!(ERRNOS.len() >= 60);
        assert_eq!(name(Errno::ADDRINUSE), "EADDRINUSE");
        assert_eq!(text(Errno::ADDRINUSE), "address in use");
        assert_eq!(name(Errno::from_raw_os_error(4000)), "EUNKNOWN");
        assert_eq!(libc::EAI_NONAME, EAI_NONAME);
        assert_eq!(libc::EAI_AGAIN, EAI_AGAIN);
        assert_eq!(libc::EAI_FAIL, EAI_FAIL);
        assert_eq!(libc::EAI_NODATA, EAI_NODATA);
    }

    #[test]
    fn each_number_and_name_stands_once_and_the_texts_have_the_form() {
        for (at, (number, name, text)) in ERRNOS.iter().enumerate() {
            assert!(name.starts_with('E') && name.chars().all(|c| c.is_ascii_alphanumeric()));
            assert!(
                !text.ends_with('.') && !text.starts_with(char::is_uppercase),
                "{text}"
            );
            assert!(
                !ERRNOS[..at]
                    .iter()
                    .any(|other| other.0 == *number || other.1 == *name)
            );
        }
    }
}
