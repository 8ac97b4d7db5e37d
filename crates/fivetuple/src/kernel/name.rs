//! Names of sockets, as the calls take them and give them.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::addr::SocketAddrArg;
use rustix::net::{
    AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType, getsockname, socket_with,
};

use crate::address::{SocketName, UnixAddress};
use crate::five_tuple::UnixProcess;

/// `bind(2)`.
///
/// # Errors
/// Those of bind(2); EINVAL for the name of a Unix socket that is none.
pub fn bind(fd: impl AsFd, name: &SocketName) -> Result<(), Errno> {
    match name {
        SocketName::Inet(address) => rustix::net::bind(fd, address),
        SocketName::Unix(address) => rustix::net::bind(fd, &unix(address)?),
    }
}

/// `connect(2)`.
///
/// # Errors
/// Those of connect(2); EINVAL for the name of a Unix socket that is none.
pub fn connect(fd: impl AsFd, name: &SocketName) -> Result<(), Errno> {
    match name {
        SocketName::Inet(address) => rustix::net::connect(fd, address),
        SocketName::Unix(address) => rustix::net::connect(fd, &unix(address)?),
    }
}

fn unix(address: &UnixAddress) -> Result<impl SocketAddrArg, Errno> {
    match address {
        UnixAddress::Path(path) => SocketAddrUnix::new(&**path),
        UnixAddress::Abstract(name) => SocketAddrUnix::new_abstract_name(name),
        UnixAddress::Unnamed => Err(Errno::INVAL),
    }
}

/// Whether somebody is at this path of a Unix socket: only a refusal says that nobody is.
pub fn answers(path: &Path) -> bool {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let Ok(probe) = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None) else {
        return true;
    };
    let name = SocketName::Unix(UnixAddress::Path(path.into()));
    connect(probe, &name) != Err(Errno::CONNREFUSED)
}

/// `getsockname(2)`.
///
/// # Errors
/// Those of getsockname(2); EAFNOSUPPORT for a family that is not known here.
pub fn local(fd: impl AsFd) -> Result<SocketName, Errno> {
    read(getsockname(fd)?)
}

/// What a call has told.
///
/// # Errors
/// EAFNOSUPPORT for a family that is not known here.
pub fn read(name: SocketAddrAny) -> Result<SocketName, Errno> {
    if let Ok(address) = SocketAddr::try_from(name.clone()) {
        return Ok(SocketName::Inet(address));
    }
    let unix = SocketAddrUnix::try_from(name)?;
    Ok(SocketName::Unix(
        match (unix.path_bytes(), unix.abstract_name()) {
            (Some(path), _) => {
                use std::os::unix::ffi::OsStrExt;
                let path = std::ffi::OsStr::from_bytes(path);
                UnixAddress::Path(Path::new(path).into())
            }
            (None, Some(name)) => UnixAddress::Abstract(name.into()),
            (None, None) => UnixAddress::Unnamed,
        },
    ))
}

/// The process at the other end of a Unix socket (`SO_PEERCRED`, unix(7)).
pub fn peer_process(fd: impl AsFd) -> Option<UnixProcess> {
    let found = rustix::net::sockopt::socket_peercred(fd).ok()?;
    Some(UnixProcess {
        pid: u32::try_from(found.pid.as_raw_pid()).ok()?,
        uid: found.uid.as_raw(),
    })
}
