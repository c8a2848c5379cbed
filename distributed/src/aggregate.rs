//! The functions as the engine knows them.

use crate::function::{Argument, Function};
use crate::groups::Groups;
use crate::literal::wrong;
use crate::one_group::OneGroup;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Expr, GroupsAccumulator, Signature, Volatility};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// One of the functions.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Aggregate {
    function: Function,
    signature: Signature,
}

impl Aggregate {
    /// Returns a function as one that is registered.
    pub(crate) fn new(function: Function) -> Self {
        Self { function, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// Returns the settings among the arguments of a call.
    fn settings<'a>(
        &self,
        arguments: &[Argument],
        literals: impl Iterator<Item = Option<&'a ScalarValue>>,
    ) -> Result<Vec<ScalarValue>> {
        let settings = arguments.iter().zip(literals).filter(|(argument, _)| **argument == Argument::Setting);
        let setting = |(_, literal): (&Argument, Option<&ScalarValue>)| {
            literal.cloned().ok_or_else(|| {
                let reason = "its settings must be literals: they are needed before the first row";
                wrong(self.function.name(), reason)
            })
        };
        settings.map(setting).collect()
    }

    fn of_call(&self, args: &AccumulatorArgs<'_>) -> Result<(&'static [Argument], Vec<ScalarValue>)> {
        self.function.refuse_distinct(args.is_distinct)?;
        let types: Vec<DataType> = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        let arguments = self.function.check(&types)?;
        let literal = |expr: &'_ Arc<dyn PhysicalExpr>| {
            let expr: &dyn std::any::Any = &**expr;
            expr.downcast_ref::<Literal>().map(|literal| literal.value().clone())
        };
        let literals: Vec<Option<ScalarValue>> = args.exprs.iter().map(literal).collect();
        let settings = self.settings(arguments, literals.iter().map(Option::as_ref))?;
        Ok((arguments, settings))
    }
}

impl AggregateUDFImpl for Aggregate {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.check(types)?;
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.check(types)?;
        Ok(self.function.answer_type())
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "state"), DataType::LargeUtf8, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let (arguments, settings) = self.of_call(&args)?;
        Ok(Box::new(OneGroup::new(self.function, arguments, &settings)?))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let (arguments, settings) = self.of_call(&args)?;
        Ok(Box::new(Groups::new(self.function, arguments, settings)?))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    /// Changes nothing: wrong settings are found while a query is planned, not on the first thread that runs it, and so is DISTINCT, which
    /// the engine would turn into groups of its own.
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        let function = self.function;
        Some(Box::new(move |call: AggregateFunction, _: &SimplifyContext| {
            function.refuse_distinct(call.params.distinct)?;
            if let Some(arguments) = function.arguments(call.params.args.len()) {
                let literals = call.params.args.iter().map(|arg| match arg {
                    Expr::Literal(value, _) => Some(value),
                    _ => None,
                });
                function.fresh(&Self::new(function).settings(arguments, literals)?)?;
            }
            Ok(Expr::AggregateFunction(call))
        }))
    }
}
