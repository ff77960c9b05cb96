//! The deb format. Source: deb(5), deb-control(5), Debian Policy chapters 5 and 6.

mod ar;
mod control;
mod paragraph;
mod read;
mod tar_writer;
mod write;

pub(super) use self::{ar::MAGIC, read::read, write::write};
