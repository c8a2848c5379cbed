//! What plans come to on small graphs.

use super::choices::{AddRule, Choices, EdgeType, TieRule};
use super::domain::Domain;
use super::form::{Form, ValueCodes, Width};
use super::plan::{IntegerPlan, PartPlan, Take};
use super::ranges::Ranges;
use crate::graph::{Attributes, ElementType, Graph, Op, Operator, Subgraph, Value, ValueId};
use crate::num::CodeType;
use crate::params::ValueRange;

/// Values 0 … of these ranges, the first the only input and the last the only output; operators with inputs and output.
fn plan(ranges: &[(f32, f32)], operators: &[(Op, &[usize], usize)], choices: &Choices) -> PartPlan {
    let mut part = Subgraph::new("", vec![Value::new("v", ElementType::F32); ranges.len()]);
    let operator = |&(op, inputs, output): &(Op, &[usize], usize)| {
        Operator::new(op, Attributes::None, inputs.iter().copied().map(Some).collect(), vec![output])
    };
    part.operators = operators.iter().map(operator).collect();
    (part.inputs, part.outputs) = (vec![0], vec![ranges.len() - 1]);
    let range = |(value, &(min, max)): (usize, &(f32, f32))| {
        Some((ValueId { subgraph: 0, value }, ValueRange::new(min, max).ok()?))
    };
    let ranges: Ranges = ranges.iter().enumerate().filter_map(range).collect();
    IntegerPlan::new(&Graph::new(vec![part], vec![]), &ranges, choices).unwrap().parts.remove(0)
}

fn codes(plan: &PartPlan, value: usize) -> ValueCodes {
    plan.made[value].codes().unwrap()
}

fn width(codes: ValueCodes) -> f32 {
    codes.scale * 255.0
}

#[test]
fn joined_values_have_the_range_of_what_they_are_joined_to_or_all_of_them() {
    let ranges = [(0.0, 1.0), (0.0, 4.0), (0.0, 3.0), (0.0, 2.0), (0.0, 3.0)];
    let operators: &[(Op, &[usize], usize)] =
        &[(Op::Relu, &[0], 1), (Op::AveragePool, &[1], 2), (Op::Relu, &[0], 3), (Op::Concat, &[2, 3], 4)];
    let all = plan(&ranges, operators, &Choices { tie_rule: TieRule::All, ..Choices::default() });
    let joined = plan(&ranges, operators, &Choices::default());
    for value in 1..5 {
        assert_eq!((width(codes(&all, value)), width(codes(&joined, value))), (4.0, 3.0));
    }
    assert_eq!((joined.given[0], joined.made[0]), (Form::Real, Form::Real));
}

#[test]
fn a_prescribed_scale_is_kept_and_a_use_that_wants_another_gets_codes_of_its_own() {
    let ranges = [(-1.0, 1.0), (0.0, 1.0), (-8.0, 8.0), (-8.0, 8.0)];
    let plan =
        plan(&ranges, &[(Op::Softmax, &[0], 1), (Op::Abs, &[0], 2), (Op::Concat, &[1, 2], 3)], &Choices::default());
    assert_eq!((codes(&plan, 1).scale, codes(&plan, 1).zero_point), (1.0 / 256.0, -128));
    let wide = codes(&plan, 3);
    assert_eq!(plan.operators[2].inputs, [Take::As(Form::Codes(wide)); 2]);
    assert_eq!((codes(&plan, 2), width(wide)), (wide, 16.0));
}

#[test]
fn what_only_moves_a_prescribed_output_has_its_scale() {
    let plan = plan(
        &[(-1.0, 1.0), (0.1, 0.9), (0.1, 0.9)],
        &[(Op::Logistic, &[0], 1), (Op::Reshape, &[1], 2)],
        &Choices::default(),
    );
    assert_eq!(codes(&plan, 2), codes(&plan, 1));
    assert_eq!(codes(&plan, 1).scale, 1.0 / 256.0);
}

#[test]
fn a_negation_has_the_scale_and_the_negated_zero_point_of_its_input() {
    let plan = plan(
        &[(0.0, 1.0), (0.0, 5.0), (-5.0, 0.0), (-5.0, 0.0)],
        &[(Op::Relu, &[0], 1), (Op::Neg, &[1], 2), (Op::Abs, &[2], 3)],
        &Choices::default(),
    );
    let (input, output) = (codes(&plan, 1), codes(&plan, 2));
    assert_eq!((input.scale, input.zero_point), (output.scale, -output.zero_point));
    // The lowest code has no opposite.
    assert_eq!(input.zero_point, -127);
    let (low, high) = input.bounds();
    assert!(low <= 0.0 && high >= 5.0 - input.scale);
}

#[test]
fn the_first_operand_of_a_sum_that_nothing_else_uses_takes_the_range_of_the_sum() {
    let ranges = [(-1.0, 1.0), (0.0, 1.0), (0.0, 2.0), (0.0, 3.0)];
    let operators: &[(Op, &[usize], usize)] = &[(Op::Relu, &[0], 1), (Op::Abs, &[0], 2), (Op::Add, &[1, 2], 3)];
    let widths = |add_rule| {
        let plan = plan(&ranges, operators, &Choices { add_rule, ..Choices::default() });
        [1, 2, 3].map(|value| width(codes(&plan, value)))
    };
    assert_eq!(widths(AddRule::Own), [1.0, 2.0, 3.0]);
    assert_eq!(widths(AddRule::FirstTakesSum), [3.0, 2.0, 3.0]);
}

#[test]
fn what_has_no_kernel_or_was_never_seen_is_an_island_with_its_reason() {
    let choices = Choices::default();
    let plan_of = |choices: &Choices| {
        plan(
            &[(0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.0, 1.0)],
            &[(Op::Relu, &[0], 1), (Op::CumSum, &[1], 2), (Op::Relu, &[2], 3)],
            choices,
        )
    };
    let plan8 = plan_of(&choices);
    assert_eq!(plan8.operators[1].domain, Domain::Float);
    assert!(plan8.operators[1].reason.contains("no int8 kernel"));
    assert_eq!((plan8.made[2], plan8.operators[1].inputs[0]), (Form::Real, Take::As(Form::Real)));
    assert!(matches!(plan8.operators[2].inputs[0], Take::As(Form::Codes(_))));
    // The input of the second RELU was never seen.
    let unseen = plan(&[(0.0, 1.0), (1.0, 0.0), (0.0, 1.0)], &[(Op::Relu, &[0], 1), (Op::Relu, &[1], 2)], &choices);
    assert!(unseen.operators.iter().all(|operator| operator.reason.contains("no finite value")));
    let softmax = plan_of(&Choices { keep_float: vec![crate::recipe::Glob::new("Relu")], ..choices });
    assert!(softmax.operators.iter().all(|operator| operator.domain == Domain::Float));
    assert!(softmax.operators[0].is_asked && !softmax.operators[1].is_asked);
}

#[test]
fn edges_of_integers_are_the_codes_of_the_values_beside_them() {
    let choices = Choices { inputs: EdgeType::Uint8, outputs: EdgeType::Integer, ..Choices::default() };
    let plan = plan(&[(0.0, 1.0), (0.0, 1.0)], &[(Op::Relu, &[0], 1)], &choices);
    let (given, taken) = (codes(&plan, 0), plan.operators[0].inputs[0]);
    assert_eq!((given.code, given.zero_point), (CodeType::U8, 0));
    assert!(matches!(taken, Take::As(Form::Codes(codes)) if codes.zero_point == -128 && codes.scale == given.scale));
    assert_eq!(plan.given[0], plan.made[1]);
}

#[test]
fn sixteen_bits_have_no_zero_point_and_may_stand_beside_eight() {
    let choices = Choices { keep_int16: vec![crate::recipe::Glob::new("Abs")], ..Choices::default() };
    let plan = plan(&[(-1.0, 3.0), (0.0, 3.0), (0.0, 3.0)], &[(Op::Relu, &[0], 1), (Op::Abs, &[1], 2)], &choices);
    assert_eq!(plan.operators[1].domain, Domain::Integer(Width::Int16));
    let wide = codes(&plan, 2);
    assert_eq!((wide.code, wide.zero_point, wide.scale), (CodeType::I16, 0, 3.0 / 32767.0));
    assert_eq!((codes(&plan, 1).code, plan.operators[1].inputs[0]), (CodeType::I8, Take::As(Form::Codes(wide))));
}
