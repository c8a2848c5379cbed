//! Checkpoints that other tools have quantized: which tensors are their codes, and which the parameters of those.
//!
//! There is no common description: each tool has names of its own for what stands beside the codes of a layer. A name alone means
//! nothing, since a `scale` may be the weight of a norm; it does beside a tensor of the same layer that holds codes.

use super::parameter_words::codes_by_words;
use super::reader::TensorInfo;
use std::collections::HashMap;

/// How a tool stores the weights of a layer: the ends of the names of codes, and of what belongs to them.
struct Layout {
    tool: &'static str,
    codes: &'static [&'static str],
    parameters: &'static [&'static str],
}

/// The layouts that are known, the special ones first.
const LAYOUTS: &[Layout] = &[
    Layout {
        tool: "GPTQ or AWQ",
        codes: &[".qweight"],
        parameters: &[".scales", ".qzeros", ".g_idx", ".perm", ".channel_scales"],
    },
    Layout {
        tool: "compressed-tensors",
        codes: &[".weight_packed"],
        parameters: &[
            ".weight_scale",
            ".weight_zero_point",
            ".weight_shape",
            ".weight_g_idx",
            ".weight_global_scale",
            ".input_global_scale",
            ".input_scale",
            ".input_zero_point",
        ],
    },
    Layout {
        tool: "bitsandbytes",
        codes: &[""],
        parameters: &[
            ".absmax",
            ".quant_map",
            ".nested_absmax",
            ".nested_quant_map",
            ".quant_state.bitsandbytes__nf4",
            ".quant_state.bitsandbytes__fp4",
        ],
    },
    Layout { tool: "bitsandbytes", codes: &[".weight"], parameters: &[".SCB", ".weight_format"] },
    Layout { tool: "HQQ", codes: &[".W_q"], parameters: &[".scale", ".zero", ".meta", ".scale_q", ".zero_q"] },
    Layout {
        tool: "quanto",
        codes: &[".weight._data"],
        parameters: &[".weight._scale", ".weight._shift", ".input_scale", ".output_scale"],
    },
    Layout { tool: "torchao", codes: &["_qdata"], parameters: &["_scale", "_zero_point", "_zero", "_scale_and_zero"] },
    Layout {
        tool: "ExLlamaV2",
        codes: &[".q_weight"],
        parameters: &[".q_scale", ".q_scale_max", ".q_groups", ".q_group_map", ".q_perm", ".q_invperm"],
    },
    Layout { tool: "ExLlamaV3", codes: &[".trellis"], parameters: &[".suh", ".svh", ".su", ".sv", ".mcg", ".mul1"] },
    Layout { tool: "AQLM", codes: &[".codes"], parameters: &[".codebooks", ".scales"] },
    Layout {
        tool: "QuIP#",
        codes: &[".Qidxs", ".Qidxs_list"],
        parameters: &[".SU", ".SV", ".Wscale", ".codebook_id", ".scaleWH"],
    },
    Layout {
        tool: "VPTQ",
        codes: &[".indices"],
        parameters: &[
            ".centroids.weight",
            ".res_centroids.weight",
            ".outlier_centroids.weight",
            ".centroids",
            ".res_centroids",
            ".weight_scale",
            ".weight_bias",
            ".perm",
        ],
    },
    Layout { tool: "MXFP4", codes: &["_blocks"], parameters: &["_scales"] },
    // FP8 and INT8 of several tools, MLX, NVFP4.
    Layout {
        tool: "another tool",
        codes: &[".weight"],
        parameters: &[
            ".scale_weight",
            ".scale_input",
            ".weight_scale",
            ".weight_scale_inv",
            ".weight_scale_2",
            ".weight_scales",
            ".weight_zero_point",
            ".weight_offset",
            ".input_scale",
            ".input_scale_ub",
            ".input_zero_point",
            ".output_scale",
            ".output_zero_point",
            ".activation_scale",
            ".k_scale",
            ".v_scale",
            ".scale",
            ".scales",
            ".scale_inv",
            ".zero_point",
            ".zeros",
            ".biases",
            ".deq_scale",
            ".quant_bias",
            ".smooth_scale",
        ],
    },
    Layout {
        tool: "another tool",
        codes: &[""],
        parameters: &[
            "_scale",
            "_scale_inv",
            "_scales",
            "_zero_point",
            "_zeros",
            ".scale",
            ".scales",
            ".scale_inv",
            ".zero_point",
        ],
    },
];

/// Returns why tensors of a checkpoint that another tool has quantized are left whole, by their names: what are codes, and what
/// belongs to them.
pub(crate) fn quantized_by_others(tensors: &[TensorInfo]) -> HashMap<String, String> {
    let by_name: HashMap<&str, &TensorInfo> = tensors.iter().map(|info| (info.name.as_str(), info)).collect();
    let mut reasons = HashMap::new();
    for info in tensors {
        let found = LAYOUTS.iter().find_map(|layout| {
            let stems = layout.parameters.iter().filter_map(|end| info.name.strip_suffix(end));
            let mut codes = stems.flat_map(|stem| layout.codes.iter().map(move |end| format!("{stem}{end}")));
            let codes = codes
                .find(|name| *name != info.name && by_name.get(name.as_str()).is_some_and(|codes| !codes.is_float))?;
            Some((layout.tool, codes))
        });
        let is_codes = |name: &str| by_name.get(name).is_some_and(|codes| !codes.is_float);
        let found = found.or_else(|| Some(("another tool", codes_by_words(&info.name, &is_codes)?)));
        let Some((tool, codes)) = found else { continue };
        let of_codes = format!("codes of {tool}, with {:?} beside them: quantized already", info.name);
        reasons.insert(info.name.clone(), format!("a parameter of {codes:?}, which {tool} has quantized"));
        reasons.entry(codes).or_insert(of_codes);
    }
    // A mark that the file holds such weights, in which nothing is counted.
    for info in tensors.iter().filter(|info| info.name == "scaled_fp8") {
        reasons.insert(info.name.clone(), "a mark that weights of the file are FP8 with scales".into());
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::safetensors::tensor::Dtype;

    fn tensor(name: &str, dtype: Dtype) -> TensorInfo {
        let is_float = matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64);
        let name = name.into();
        TensorInfo {
            name,
            dtype: format!("{dtype:?}"),
            shape: vec![4, 4],
            is_float,
            size_in_bytes: 64,
            entry_dtype: dtype,
        }
    }

    /// The tensors that are left whole.
    fn left(tensors: &[(&str, Dtype)]) -> Vec<String> {
        let tensors: Vec<TensorInfo> = tensors.iter().map(|(name, dtype)| tensor(name, *dtype)).collect();
        let mut names: Vec<String> = quantized_by_others(&tensors).into_keys().collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn parameters_of_each_layout_are_known_beside_their_codes() {
        use Dtype::{BF16, F8_E4M3, F16, F32, I8, I32, U8};
        for (codes, dtype, parameters) in [
            ("l.weight", F8_E4M3, &["l.weight_scale_inv"][..]),
            ("l.weight", F8_E4M3, &["l.weight_scale", "l.input_scale"]),
            ("l.weight", F8_E4M3, &["l.scale_weight"]),
            ("l.weight", U8, &["l.weight_scale", "l.weight_scale_2", "l.input_scale"]),
            ("l.weight", I32, &["l.scales", "l.biases"]),
            ("l.qweight", I32, &["l.scales", "l.qzeros", "l.g_idx"]),
            ("l.weight", U8, &["l.weight.absmax", "l.weight.quant_map", "l.weight.quant_state.bitsandbytes__nf4"]),
            ("l.weight", I8, &["l.SCB"]),
            ("l.weight_packed", I32, &["l.weight_scale", "l.weight_shape", "l.weight_zero_point"]),
            ("l.W_q", U8, &["l.scale", "l.zero"]),
            ("l.weight._data", I8, &["l.weight._scale"]),
            ("experts.down_blocks", U8, &["experts.down_scales"]),
            ("l.codes", I8, &["l.codebooks", "l.scales"]),
            ("l.trellis", I32, &["l.suh", "l.svh"]),
            ("kernel", I8, &["kernel_scale"]),
            // NVFP4: a scale for each block, and one for the tensor.
            ("x", U8, &["x_scale", "x_scale_2"]),
            ("x", U8, &["x.scale", "x_scale_2"]),
            ("l.weight", U8, &["l.weight_scale", "l.weight_scale_2", "l.input_scale", "l.pre_quant_scale"]),
            ("l.weight_packed", U8, &["l.weight_scale", "l.weight_global_scale", "l.input_global_scale"]),
            (
                "experts.up_proj",
                U8,
                &["experts.up_proj_weight_scale", "experts.up_proj_weight_scale_2", "experts.up_proj_input_scale"],
            ),
            (
                "experts.w13_weight",
                F8_E4M3,
                &["experts.w13_weight_scale", "experts.w13_weight_scale_inv", "experts.w13_input_scale"],
            ),
            ("experts.up_proj_packed", U8, &["experts.up_proj_scale", "experts.up_proj_global_scale"]),
            ("l.weight", I8, &["l.weight_quantizer._scale", "l.input_quantizer._amax"]),
            (
                "l.weight",
                F8_E4M3,
                &["l.weights_scaling_factor", "l.weights_scaling_factor_2", "l.activation_scaling_factor"],
            ),
            ("l.qweight", I32, &["l.scales", "l.qzeros", "l.g_idx", "l.input_scale"]),
            ("a.k_proj.weight", F8_E4M3, &["a.k_scale", "a.k_proj.k_scale", "a.k_proj.weight_scale"]),
            ("a.v_proj.weight", F8_E4M3, &["a.attn.v_scale", "a.v_scale"]),
        ] {
            let mut tensors = vec![(codes, dtype), ("norm.weight", F32), ("head.weight", BF16)];
            tensors.extend(parameters.iter().map(|name| (*name, F16)));
            let mut expected: Vec<&str> = parameters.iter().copied().chain([codes]).collect();
            expected.sort_unstable();
            assert_eq!(left(&tensors), expected);
        }
    }

    #[test]
    fn a_scale_without_codes_is_a_weight_like_any_other() {
        let norms = [("norm.scale", Dtype::F32), ("norm.weight", Dtype::F32), ("l.weight_scale", Dtype::F32)];
        assert_eq!(left(&norms), Vec::<String>::new());
        let embedding = [("ids", Dtype::I32), ("l.weight", Dtype::F32), ("l.scales", Dtype::F32)];
        assert_eq!(left(&embedding), Vec::<String>::new());
        // Names of other words, beside what holds whole numbers.
        let scales =
            [("x", Dtype::I64), ("x_rescaled", Dtype::F32), ("x_layer_scale", Dtype::F32), ("logit_scale", Dtype::F32)];
        assert_eq!(left(&scales), Vec::<String>::new());
        assert_eq!(left(&[("scaled_fp8", Dtype::F8_E4M3)]), ["scaled_fp8"]);
    }

    #[test]
    fn the_reason_names_the_tool_and_the_codes() {
        let tensors = [tensor("l.qweight", Dtype::I32), tensor("l.scales", Dtype::F16)];
        let reasons = quantized_by_others(&tensors);
        let reason = |name: &str| reasons.get(name).map(String::as_str);
        assert_eq!(reason("l.scales"), Some("a parameter of \"l.qweight\", which GPTQ or AWQ has quantized"));
        let codes = "codes of GPTQ or AWQ, with \"l.scales\" beside them: quantized already";
        assert_eq!(reason("l.qweight"), Some(codes));
    }
}
