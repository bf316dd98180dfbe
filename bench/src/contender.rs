//! What is compared. Each contender is two halves: this trait, and the interface of `ui/contender.ts`.

use crate::{
    contenders::{
        channel::ByChannel,
        emit::ByEmit,
        floor::Floor,
        lockstep::{Lockstep, LockstepCollection, LockstepDelivered, LockstepFirstPaint},
        pull::ByPull,
        store::{Keyed, Whole},
        zustand::Zustand,
    },
    state::Document,
};
use anyhow::Result;
use tauri::AppHandle;

/// What a contender is asked to do, where not all of them can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// A page that is opened shows the state.
    Start,
    /// It is known when all pages show a write of Rust's.
    Know,
    /// Pages show what Rust writes.
    Follow,
    /// A write from a window has a promise.
    Promise,
    /// Windows write.
    WindowWrites,
}

/// Each layout of the state is a contender of its own: the store plugin has two, and so has Lockstep; and so is each way
/// to start, and to know what windows show, where a library has several.
pub trait Contender: Sync {
    /// The page's half, by the same name.
    fn id(&self) -> &'static str;
    /// What the tables call it.
    fn name(&self) -> &'static str;
    fn can(&self, _: Ability) -> bool {
        true
    }
    /// Makes this the state. Done while there are no windows.
    fn load(&self, app: &AppHandle, document: Document) -> Result<()>;
    /// Changes the probe's value, and tells the windows.
    fn write(&self, app: &AppHandle, value: u64) -> Result<()>;
    /// Waits until all windows show what was written last, where the contender itself can tell. Else the pages report it.
    fn wait(&self) -> Option<fn(&AppHandle) -> Result<()>> {
        None
    }
    /// The probe's value, as the owner of the state has it.
    fn value(&self, app: &AppHandle) -> Result<u64>;
}

/// The floor comes first: the others are compared with it.
pub const CONTENDERS: &[&dyn Contender] = &[
    &Floor,
    &ByEmit,
    &ByPull,
    &ByChannel,
    &Whole,
    &Keyed,
    &Zustand,
    &Lockstep,
    &LockstepDelivered,
    &LockstepFirstPaint,
    &LockstepCollection,
];
