//! Statistics of a model's values, as a table and as JSON.

use crate::output::{json, style, width};
use std::collections::BTreeSet;
use std::path::Path;
use tensor_quant::calibration::Statistics;
use tensor_quant::num::CodeType;
use tensor_quant::params::CodeRange;
use tensor_quant::range::AnyEstimator;
use tensor_quant::report::{Alignment, Table, grouped, real, shortened};

/// The longest name that is shown in full.
const NAME: usize = 52;

/// Returns a table; `unseen` are signatures without samples.
pub(crate) fn as_table(statistics: &Statistics<AnyEstimator>, output: Option<&Path>, unseen: &[String]) -> String {
    let (left, right) = (Alignment::Left, Alignment::Right);
    let columns = [
        ("value", left),
        ("elements", right),
        ("min", right),
        ("max", right),
        ("from", right),
        ("to", right),
        ("by", left),
        ("channels", right),
        ("notes", left),
    ];
    let mut table = Table::new(&columns, style()).within(width());
    for name in statistics.ranges().names() {
        let Some(seen) = statistics.ranges().seen(&name) else { continue };
        let [from, to] = range(statistics, &name).unwrap_or_default().map(|x| x.map_or("–".into(), real));
        let odd = seen.nan + seen.infinite;
        // Of nothing, and of NaN alone, there are no ends.
        let end = |x: f32| if x.is_finite() { real(x.into()) } else { "–".into() };
        let note = match (seen.count, odd) {
            (0, _) => "never observed".into(),
            (_, 0) => String::new(),
            _ => format!("{} are NaN, {} infinite", seen.nan, seen.infinite),
        };
        table.push([
            shortened(&name, NAME),
            grouped(seen.count),
            end(seen.min),
            end(seen.max),
            from,
            to,
            estimator(statistics, &name),
            statistics.means(&name).map_or(String::new(), |means| means.len().to_string()),
            note,
        ]);
    }
    let names = statistics.ranges().names();
    let estimators: BTreeSet<String> = names.iter().map(|name| estimator(statistics, name)).collect();
    let estimators = estimators.into_iter().collect::<Vec<_>>().join(", ");
    let place = output.map_or(String::new(), |output| format!(", in {}", output.display()));
    let (values, samples) = (names.len(), statistics.samples());
    let unseen = match unseen {
        [] => String::new(),
        _ => style()
            .warning(&format!("warning: without samples, and so not observed: the signatures {}\n", unseen.join(", "))),
    };
    format!("{table}\n{values} values of {samples} samples, ranges for int8 by {estimators}{place}\n{unseen}")
}

fn estimator(statistics: &Statistics<AnyEstimator>, name: &str) -> String {
    statistics.ranges().estimator(name).map(|estimator| estimator.to_string()).unwrap_or_default()
}

/// Returns the range of a value for int8; of values that have none, nothing.
fn range(statistics: &Statistics<AnyEstimator>, name: &str) -> Option<[Option<f64>; 2]> {
    let range = statistics.ranges().ranges(name, &CodeRange::of_type(CodeType::I8)).ok()?.pop()?;
    Some([Some(range.min().into()), Some(range.max().into())])
}

pub(crate) fn as_json(statistics: &Statistics<AnyEstimator>, unseen: &[String]) -> String {
    let value = |name: String| {
        let seen = statistics.ranges().seen(&name)?;
        let range = range(statistics, &name).unwrap_or_default();
        let finite = |x: f32| x.is_finite().then_some(x);
        Some(serde_json::json!({
            "name": name,
            "count": seen.count,
            "nan": seen.nan,
            "infinite": seen.infinite,
            "min": finite(seen.min),
            "max": finite(seen.max),
            "estimator": estimator(statistics, &name),
            "range": range[0].zip(range[1]).map(|(min, max)| [min, max]),
            "channel_means": statistics.means(&name),
            "channel_mean_squares": statistics.mean_squares(&name),
        }))
    };
    let values: Vec<_> = statistics.ranges().names().into_iter().filter_map(value).collect();
    json(&serde_json::json!({
        "model_sha256": statistics.model(),
        "samples": statistics.samples(),
        "without_samples": unseen,
        "estimator": statistics.ranges().fresh().to_string(),
        "values": values,
        "second_moments": statistics.second_moments().iter().map(|moments| {
            let (subgraph, operator) = moments.operator();
            serde_json::json!({ "subgraph": subgraph, "operator": operator, "rows": moments.rows() })
        }).collect::<Vec<_>>(),
    }))
}
