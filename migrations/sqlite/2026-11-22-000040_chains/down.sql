DROP TABLE chain_execution_links;
DROP TABLE chain_executions;
DROP TABLE chains;
