//! What a check came to.

use super::law::{Law, Waiver};
use super::trials::{Breach, PANICKED};
use core::fmt::{self, Write};

/// Which laws held, and which were not promised, and why.
///
/// `Display` prints them for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    subject: String,
    cases: u32,
    held: Vec<Law>,
    waived: Vec<Waiver>,
    needless: Vec<Waiver>,
}

impl Verdict {
    pub(super) fn new(subject: &str, cases: u32) -> Self {
        Self { subject: subject.into(), cases, held: Vec::new(), waived: Vec::new(), needless: Vec::new() }
    }

    pub(super) fn hold(&mut self, law: Law) {
        self.held.push(law);
    }

    pub(super) fn waive(&mut self, waiver: Waiver) {
        self.waived.push(waiver);
    }

    pub(super) fn waive_needlessly(&mut self, waiver: Waiver) {
        self.needless.push(waiver.clone());
        self.waived.push(waiver);
    }

    /// Returns the laws that held.
    pub fn held(&self) -> &[Law] {
        &self.held
    }

    /// Returns the laws that the subject does not promise, with the reasons.
    pub fn waived(&self) -> &[Waiver] {
        &self.waived
    }

    /// Returns the waivers of [`Terms::without`](super::Terms::without) that no case called for: the law held in all that were
    /// tried, which are a quarter of the cases of a law that is promised.
    ///
    /// Such a law may be promised after all, or be broken by rare cases alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::TiesEven;
    /// use tensor_quant::laws::{Terms, rounding};
    ///
    /// let verdict = Terms::default().without(rounding::NEAREST, "left over from a draft").check_rounding(&TiesEven)?;
    /// assert_eq!(verdict.needless_waivers()[0].law, rounding::NEAREST);
    /// println!("{verdict}");
    /// # Ok::<(), tensor_quant::laws::Broken>(())
    /// ```
    pub fn needless_waivers(&self) -> &[Waiver] {
        &self.needless
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.subject)?;
        write!(f, "{} laws held, each in {} cases beside the corner cases:", self.held.len(), self.cases)?;
        for (k, law) in self.held.iter().enumerate() {
            write!(f, "{} {}", if k > 0 { "," } else { "" }, law.name)?;
        }
        if !self.waived.is_empty() {
            write!(f, "\nnot promised:")?;
        }
        for waiver in &self.waived {
            let note = if self.needless.contains(waiver) { " (but it held in every case that was tried)" } else { "" };
            write!(f, "\n    {}: {}{note}", waiver.law.name, waiver.reason)?;
        }
        Ok(())
    }
}

/// A law that is broken, with the simplest case that breaks it; or terms that make no sense.
///
/// `Display` and `Debug` both print the report, so that `unwrap` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Broken {
    law: Law,
    report: String,
    causes: Vec<Cause>,
}

/// Laws that the same case breaks: most likely for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// The laws.
    pub laws: Vec<Law>,
    /// The simplest case that breaks the first of them, described.
    pub case: String,
}

impl Cause {
    fn new(law: Law, breach: &Breach) -> Self {
        Self { laws: vec![law], case: breach.0.clone() }
    }

    /// Returns what two breaches of one cause have in common: the bits of the numbers in it, or what a panic said.
    fn mark(case: &str) -> Vec<&str> {
        if let Some(panic) = case.strip_prefix(PANICKED) {
            return panic.lines().take(1).collect();
        }
        let is_of_word = |c: char| c.is_ascii_alphanumeric();
        let mut bits: Vec<&str> = case.split(|c| !is_of_word(c)).filter(|word| word.starts_with("0x")).collect();
        bits.sort_unstable();
        bits.dedup();
        if bits.is_empty() { case.lines().take(1).collect() } else { bits }
    }

    fn names(&self) -> String {
        self.laws.iter().map(|law| law.name).collect::<Vec<_>>().join(", ")
    }
}

impl Broken {
    pub(super) fn law(law: Law, subject: &str, breach: &Breach) -> Self {
        let Law { statement, why, .. } = law;
        let report = format!("the law {law} is broken: {statement}\n{why}\n\n{subject}\n\n{}", breach.0);
        Self { law, report, causes: vec![Cause::new(law, breach)] }
    }

    /// Adds the laws that are broken as well: those by the same case under it, others by theirs.
    pub(super) fn with_others(mut self, others: &[(Law, Breach)]) -> Self {
        for (law, breach) in others {
            let same = |cause: &&mut Cause| Cause::mark(&cause.case) == Cause::mark(&breach.0);
            match self.causes.iter_mut().find(same) {
                Some(cause) => cause.laws.push(*law),
                None => self.causes.push(Cause::new(*law, breach)),
            }
        }
        if let Some(first) = self.causes.first().filter(|first| first.laws.len() > 1) {
            let more = Cause { laws: first.laws[1..].to_vec(), case: String::new() };
            let _ = write!(self.report, "\n\nthe same case breaks, most likely for the same reason: {}", more.names());
        }
        for cause in self.causes.iter().skip(1) {
            let _ = write!(self.report, "\n\nanother case breaks {}:\n{}", cause.names(), cause.case);
        }
        self
    }

    pub(super) fn no_such_law(law: Law, subject: &str, laws: &[Law]) -> Self {
        let known: Vec<&str> = laws.iter().map(|law| law.name).collect();
        let kind = laws.first().map_or("", |law| law.kind);
        let report = format!(
            "{law} is named in the terms, but {subject} is judged by the laws of {kind}s, and there is no such one: {}",
            known.join(", ")
        );
        Self { law, report, causes: Vec::new() }
    }

    pub(super) fn not_promised(waiver: &Waiver, subject: &str) -> Self {
        let Waiver { law, reason } = waiver;
        let report = format!(
            "{subject} does not promise {law}: {reason}. Say so, for the test report to list it: \
             `without {{ {}: \"{reason}\" }}`",
            law.name
        );
        Self { law: *law, report, causes: Vec::new() }
    }

    /// Returns the law that is broken, or that the terms name.
    pub fn broken_law(&self) -> Law {
        self.law
    }

    /// Returns the simplest case that breaks the law, described; `None` if it is the terms that make no sense.
    pub fn counterexample(&self) -> Option<&str> {
        self.causes.first().map(|cause| cause.case.as_str())
    }

    /// Returns everything that was found, laws that the same case breaks together: the first holds [`broken_law`](Self::broken_law).
    /// Nothing if it is the terms that make no sense.
    ///
    /// What breaks the most laws is where to look: a wrong rounding breaks half a dozen of them, by one value. The laws behind the first
    /// one are tried on a quarter of their cases, and those of which a case is large on none.
    ///
    /// # Examples
    ///
    /// ```
    /// use tensor_quant::Rounding;
    /// use tensor_quant::laws::{self, rounding};
    ///
    /// /// Truncates what it should round.
    /// #[derive(Clone, Copy, Debug)]
    /// struct Truncates;
    ///
    /// impl Rounding for Truncates {
    ///     #[inline(always)]
    ///     fn round(self, x: f32, _index: u64) -> f32 {
    ///         if x > 100.0 { x.floor() } else { x.round_ties_even() }
    ///     }
    /// }
    ///
    /// let broken = laws::check_rounding(&Truncates).unwrap_err();
    /// assert!(broken.causes()[0].laws.contains(&broken.broken_law()));
    /// assert!(broken.causes().iter().any(|cause| cause.laws.contains(&rounding::SIGN_SYMMETRY)));
    /// ```
    pub fn causes(&self) -> &[Cause] {
        &self.causes
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report)
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report)
    }
}

impl core::error::Error for Broken {}
