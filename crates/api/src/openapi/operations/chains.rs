//! Chains and their executions.

use crate::error_table::ErrorCode::{Duplicate, IllegalState};
use crate::openapi::operation::{Content, Operation, shape, tagged};
use crate::read::lists;
use crate::routes::chain_executions;
use oneoff_api_types::{ChainExecutionView, ChainView};

/// `/api/chains` and `/api/chain-executions`.
pub(crate) fn chains() -> Vec<Operation> {
    let execution = Content::Data(shape::<ChainExecutionView>(), "chain_execution");
    tagged(
        "Chains",
        vec![
            Operation::get("/api/chains", "listChains", "Lists chains")
                .query(lists::CHAIN_PARAMETERS)
                .lists::<ChainView>("chain"),
            Operation::post("/api/chains", "createChain", "Creates a chain")
                .takes("CreateChain", &["create_chain", "create_chain_v1"])
                .makes::<ChainView>("chain")
                .refuses(&[Duplicate, IllegalState]),
            Operation::get("/api/chains/{id}", "getChain", "Answers a chain")
                .tells_record::<ChainView>("chain"),
            Operation::patch("/api/chains/{id}", "updateChain", "Edits a chain")
                .more("`links` or `job_ids` replace all links.")
                .takes("UpdateChain", &["update_chain"])
                .changes::<ChainView>("chain")
                .refuses(&[Duplicate, IllegalState]),
            Operation::delete("/api/chains/{id}", "deleteChain", "Deletes a chain; what it started goes on")
                .removes::<ChainView>("chain")
                .refuses(&[IllegalState]),
            Operation::post("/api/chains/{id}/execute", "executeChain", "Starts a chain, now or at a time")
                .may_take("ExecuteChain", &["execute_chain"])
                .with_condition()
                .answers(202, "It is started.", execution, &["Location", "ETag", "Idempotency-Replayed"])
                .answers(200, "With `dry_run`: what would be started.", execution, &[])
                .refuses(&[Duplicate, IllegalState]),
            Operation::get(
                "/api/chains/{id}/executions",
                "listExecutionsOfChain",
                "Lists executions of a chain",
            )
            .query(&lists::of_chain_parameters())
            .lists::<ChainExecutionView>("chain_execution"),
            Operation::get("/api/chain-executions", "listChainExecutions", "Lists executions of chains")
                .query(lists::CHAIN_EXECUTION_PARAMETERS)
                .lists::<ChainExecutionView>("chain_execution"),
            Operation::get("/api/chain-executions/{id}", "getChainExecution", "Answers a chain execution")
                .query(chain_executions::GET_PARAMETERS)
                .tells_record::<ChainExecutionView>("chain_execution"),
            Operation::post(
                "/api/chain-executions/{id}/cancel",
                "cancelChainExecution",
                "Ends a chain execution",
            )
            .may_take("Nothing", &["nothing"])
            .with_condition()
            .changes::<ChainExecutionView>("chain_execution")
            .refuses(&[IllegalState]),
        ],
    )
}
