//! The floors: the least that a correct program does for the same work, in the style of C on epoll,
//! and a plain program on tokio. Each is a process of its own when it is measured.

mod epoll;
mod epoll_echo;
mod epoll_relay;
mod tokio_echo;
mod unsent;

pub use epoll_echo::epoll_echo;
pub use epoll_relay::epoll_relay;
pub use tokio_echo::tokio_echo;
