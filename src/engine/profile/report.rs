//! The figures of a run, as a table for people.

use std::fmt::Write;

/// What one stage did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct StageReport {
    /// Its word.
    pub stage: &'static str,
    /// Strips (admit, infer, commit: pictures) it worked on.
    pub count: u64,
    /// Seconds of work, summed over threads.
    pub busy_seconds: f64,
    /// Seconds without work while its pictures were under way, summed over threads.
    pub waiting_seconds: f64,
    /// Bytes of samples that went through it (commit: of files).
    pub bytes: u64,
    /// Half of its spans took at most this long, within 4 %.
    pub median_seconds: Option<f64>,
    /// 95 of 100 of its spans took at most this long, within 4 %.
    pub p95_seconds: Option<f64>,
}

/// What a run did with time and memory.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// In the order of a picture's way.
    pub stages: Vec<StageReport>,
    /// Wall seconds.
    pub seconds: f64,
    /// Processor seconds of the whole process.
    pub cpu_seconds: Option<f64>,
    /// Cores that it may use.
    pub cores: usize,
    /// Largest resident size of the process, in bytes.
    pub peak_bytes: Option<u64>,
}

/// Columns of the table.
const HEAD: [&str; 8] = ["stage", "count", "busy s", "waiting s", "MB", "MB/s", "median ms", "p95 ms"];

impl Report {
    /// How busy the cores were, in percent.
    pub fn percent_busy(&self) -> Option<f64> {
        Some(100.0 * self.cpu_seconds? / (self.seconds * self.cores as f64).max(1e-9))
    }

    /// A table with one line per stage that did anything, and the figures of the process below it. Every line ends with a line end.
    pub fn table(&self) -> String {
        let rows: Vec<[String; 8]> =
            self.stages.iter().filter(|s| s.is_worth_a_line()).map(StageReport::cells).collect();
        let head = HEAD.map(str::to_owned);
        let mut widths = [0; 8];
        for row in rows.iter().chain([&head]) {
            widths.iter_mut().zip(row).for_each(|(width, cell)| *width = (*width).max(cell.len()));
        }
        let mut text = String::new();
        for row in [&head].into_iter().chain(&rows) {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                // Writing to a string cannot fail.
                let _ = if column == 0 { write!(line, "{cell:<width$}") } else { write!(line, "  {cell:>width$}") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text + &self.process()
    }

    fn process(&self) -> String {
        let unknown = || "unknown".to_owned();
        let peak = self.peak_bytes.map_or_else(unknown, |bytes| format!("{:.0} MB", bytes as f64 / 1e6));
        let cpu = self.cpu_seconds.map_or_else(unknown, |seconds| format!("{seconds:.2} s"));
        let busy = self.percent_busy().map_or_else(unknown, |percent| format!("{percent:.0} %"));
        format!(
            "wall {:.2} s, processor {cpu} ({busy} of {} {}), peak memory {peak}\n",
            self.seconds,
            self.cores,
            if self.cores == 1 { "core" } else { "cores" }
        )
    }
}

impl StageReport {
    fn is_worth_a_line(&self) -> bool {
        self.count > 0 || self.busy_seconds > 0.0 || self.waiting_seconds > 0.0
    }

    fn cells(&self) -> [String; 8] {
        let megabytes = self.bytes as f64 / 1e6;
        let none = || "-".to_owned();
        let has_rate = self.bytes > 0 && self.busy_seconds > 0.0;
        let millis = |seconds: Option<f64>| seconds.map_or_else(none, |s| format!("{:.2}", s * 1e3));
        [
            self.stage.to_owned(),
            self.count.to_string(),
            format!("{:.3}", self.busy_seconds),
            format!("{:.3}", self.waiting_seconds),
            if self.bytes > 0 { format!("{megabytes:.1}") } else { none() },
            if has_rate { format!("{:.0}", megabytes / self.busy_seconds) } else { none() },
            millis(self.median_seconds),
            millis(self.p95_seconds),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_aligned() {
        let stage = |stage, count, bytes| StageReport {
            stage,
            count,
            busy_seconds: 1.5,
            waiting_seconds: 0.0,
            bytes,
            median_seconds: (count > 0).then_some(0.0123),
            p95_seconds: None,
        };
        let idle = StageReport { busy_seconds: 0.0, ..stage("infer", 0, 0) };
        let report = Report {
            stages: vec![stage("read", 12, 3_000_000), idle, stage("render", 0, 0)],
            seconds: 2.0,
            cpu_seconds: Some(3.0),
            cores: 2,
            peak_bytes: None,
        };
        let table = report.table();
        let expected = "\
stage   count  busy s  waiting s   MB  MB/s  median ms  p95 ms
read       12   1.500      0.000  3.0     2      12.30       -
render      0   1.500      0.000    -     -          -       -
wall 2.00 s, processor 3.00 s (75 % of 2 cores), peak memory unknown
";
        assert_eq!(table, expected);
    }
}
