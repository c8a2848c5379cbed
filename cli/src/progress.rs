//! A bar on a terminal, for work that takes long enough to be watched.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use tensor_quant::pipeline::Progress;

/// Work that is done sooner than this needs no bar.
const PATIENCE: Duration = Duration::from_millis(300);

/// Shows how far the work is.
#[derive(Debug)]
pub(crate) struct Bar {
    start: Instant,
    is_terminal: bool,
    shown: Option<ProgressBar>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Self::unless(false)
    }

    /// Returns a bar, which nobody sees if it is to be quiet.
    pub(crate) fn unless(is_quiet: bool) -> Self {
        Self { start: Instant::now(), is_terminal: !is_quiet && std::io::stderr().is_terminal(), shown: None }
    }

    pub(crate) fn show(&mut self, progress: Progress<'_>) {
        if self.is_terminal && self.shown.is_none() && self.start.elapsed() > PATIENCE {
            let bar = ProgressBar::with_draw_target(Some(progress.total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(
                "{bar:32} {decimal_bytes} of {decimal_total_bytes}, {eta} left  {wide_msg}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.shown = Some(bar);
        }
        if let Some(bar) = &self.shown {
            // Steps of no known length come before the tensors.
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            bar.set_message(progress.tensor.to_owned());
        }
    }

    /// Shows how many runs are done, and what is run.
    pub(crate) fn show_runs(&mut self, progress: Progress<'_>) {
        self.show_counted(progress.done, progress.total, "{bar:32} {pos} of {len} runs, {eta} left  {wide_msg}");
        if let Some(bar) = &self.shown {
            bar.set_length(progress.total);
            bar.set_message(progress.tensor.to_owned());
        }
    }

    /// Shows how many samples are done.
    pub(crate) fn show_samples(&mut self, done: usize, total: usize) {
        self.show_counted(done as u64, total as u64, "{bar:32} {pos} of {len} samples, {eta} left");
    }

    fn show_counted(&mut self, done: u64, total: u64, template: &str) {
        if self.is_terminal && self.shown.is_none() && self.start.elapsed() > PATIENCE {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(template);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.shown = Some(bar);
        }
        if let Some(bar) = &self.shown {
            bar.set_position(done);
        }
    }

    pub(crate) fn finish(self) {
        if let Some(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}
