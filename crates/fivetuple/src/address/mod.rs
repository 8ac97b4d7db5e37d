//! Where to listen and whom to call, as people write it.
