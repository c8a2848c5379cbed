//! What a fit came to, as a table with its front drawn, and as JSON.

use crate::output::{json, style, width};
use tensor_quant::pipeline::{Count, Fitted, Goal};
use tensor_quant::report::{Alignment, Table, bytes, shape, shortened};

/// The longest name that is shown in full.
const NAME: usize = 44;
/// Lines and columns of the front that is drawn.
const DRAWN: (usize, usize) = (12, 60);

/// Returns why a goal was not reached, in a line.
pub(crate) fn unreached(fitted: &Fitted) -> String {
    let best = match fitted.request.goal {
        Goal::MinSqnr(db) => format!("{db} dB cannot be reached: the best is {:.2} dB", fitted.sqnr_db),
        Goal::MaxSize(_) => format!("the smallest file has {} bytes, {:.3} of the input", fitted.bytes, fitted.ratio()),
        Goal::MaxDownload(most) => {
            format!("{most} bytes cannot be reached: the smallest download has {}", fitted.download)
        }
        Goal::MaxAccuracyDrop(points) => {
            let drop = fitted.accuracy.map_or(f64::NAN, |[float, now]| (float - now) * 100.0);
            format!("a drop of {points} points cannot be reached: the best loses {drop:.2}")
        }
        _ => "the goal cannot be reached".into(),
    };
    match fitted.in_the_way() {
        Some(tensor) => format!("{best}; in the way is {:?}, {}", tensor.name, tensor.reason()),
        None => best,
    }
}

pub(crate) fn as_table(fitted: &Fitted) -> String {
    let (left, right) = (Alignment::Left, Alignment::Right);
    let columns = [("tensor", left), ("shape", right), ("bytes", right), ("why", left)];
    let mut table = Table::new(&columns, style()).within(width());
    for tensor in &fitted.tensors {
        table.push([shortened(&tensor.name, NAME), shape(&tensor.shape), bytes(tensor.bytes), tensor.reason()]);
    }
    let accuracy = fitted.accuracy.map_or(String::new(), |[float, now]| {
        format!("accuracy {:.2} %, of the float model {:.2} %\n", now * 100.0, float * 100.0)
    });
    let by_zstd = fitted.zstd.map_or(String::new(), |len| format!(", {} by zstd", bytes(len)));
    let predicted = match fitted.predicted_db {
        db if db.is_nan() => String::new(),
        db => format!("; predicted {db:.2} dB"),
    };
    let warnings: String =
        fitted.warnings().iter().map(|text| style().warning(&format!("warning: {text}\n"))).collect();
    let table = if fitted.tensors.is_empty() { fitted.recipe() } else { table.to_string() };
    format!(
        "{table}\n{}\n{} -> {} ({:.3} of it), {} deflated{by_zstd}\n{:.2} dB on {} {}, above {:.2} dB in 95 of 100 \
         draws{predicted}\n{accuracy}{} candidates were run, in {:.1} s\n{warnings}",
        drawn(fitted),
        bytes(fitted.bytes_in),
        bytes(fitted.bytes),
        fitted.ratio(),
        bytes(fitted.download),
        fitted.sqnr_db,
        fitted.judged_on,
        fitted.kind_of_samples(),
        fitted.bound_db,
        fitted.evaluations,
        fitted.seconds,
    )
}

/// Returns a drawing of the front: predicted points, candidates that were run, and the file that was chosen.
fn drawn(fitted: &Fitted) -> String {
    let (lines, columns) = DRAWN;
    let all: Vec<(u64, f64, char)> = fitted
        .front
        .iter()
        .map(|&(bytes, db)| (bytes, db, '·'))
        .chain(fitted.walked.iter().map(|&(bytes, db)| (bytes, db, 'o')))
        .chain([(
            if fitted.request.count == Count::Download { fitted.download } else { fitted.bytes },
            fitted.sqnr_db,
            '#',
        )])
        .filter(|(_, db, _)| db.is_finite())
        .collect();
    let (Some(&least), Some(&most)) =
        (all.iter().map(|(bytes, ..)| bytes).min(), all.iter().map(|(bytes, ..)| bytes).max())
    else {
        return String::new();
    };
    let (low, high) =
        all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &(_, db, _)| (low.min(db), high.max(db)));
    let mut rows = vec![vec![' '; columns]; lines];
    for (bytes, db, mark) in all {
        let x = ((bytes - least) as f64 / (most - least).max(1) as f64 * (columns - 1) as f64).round() as usize;
        let y = ((high - db) / (high - low).max(1e-9) * (lines - 1) as f64).round() as usize;
        rows[y][x] = mark;
    }
    let label = |line: usize| match line {
        0 => format!("{high:6.1} dB"),
        line if line + 1 == lines => format!("{low:6.1} dB"),
        _ => " ".repeat(9),
    };
    let line = |(number, row): (usize, &Vec<char>)| {
        format!("{} |{}\n", label(number), row.iter().collect::<String>().trim_end())
    };
    let body = rows.iter().enumerate().map(line).collect::<Vec<_>>().concat();
    let (from, to) = (bytes(least), bytes(most));
    let gap = columns.saturating_sub(from.chars().count() + to.chars().count());
    format!(
        "{body}{} +{}\n{}  {from}{}{to}\n           · predicted, o run, # chosen\n",
        " ".repeat(9),
        "-".repeat(columns),
        " ".repeat(9),
        " ".repeat(gap)
    )
}

pub(crate) fn as_json(fitted: &Fitted) -> String {
    let number = |x: f64| if x.is_finite() { serde_json::json!(x) } else { serde_json::json!(x.to_string()) };
    let tensors: Vec<serde_json::Value> = fitted
        .tensors
        .iter()
        .map(|tensor| {
            serde_json::json!({
                "name": tensor.name,
                "shape": tensor.shape,
                "type": tensor.code.map_or("keep".into(), |code| code.to_string()),
                "bytes": tensor.bytes,
                "sqnr_db_alone": number(tensor.alone_db),
                "reason": tensor.reason(),
                "choices": tensor.choices.iter().map(|(name, bytes, db)| serde_json::json!({"type": name, "bytes": bytes, "sqnr_db_alone": number(*db)})).collect::<Vec<_>>(),
            })
        })
        .collect();
    let points = |points: &[(u64, f64)]| {
        points.iter().map(|&(bytes, db)| serde_json::json!([bytes, number(db)])).collect::<Vec<_>>()
    };
    let accuracy = fitted.accuracy.map(|[float, now]| serde_json::json!({"float": float, "fitted": now}));
    let mut object = serde_json::json!({
        "reached": fitted.is_reached(),
        "bytes": fitted.bytes,
        "ratio": fitted.ratio(),
        "zipped": fitted.download,
        "measured": {"sqnr_db": number(fitted.sqnr_db), "accuracy": accuracy, "samples": fitted.judged_on},
        "bound": {"sqnr_db": number(fitted.bound_db)},
        "predicted": {"sqnr_db": number(fitted.predicted_db)},
        "data": format!("{:016x}", fitted.data_hash),
        "seed": fitted.request.seed,
        "evaluations": fitted.evaluations,
        "seconds": fitted.seconds,
        "tensors": tensors,
        "front": points(&fitted.front),
        "run": points(&fitted.walked),
        "warnings": fitted.warnings(),
    });
    if let Some(len) = fitted.zstd {
        object["zstd"] = len.into();
    }
    json(&object)
}
