DROP TABLE webhook_deliveries;
DROP TABLE removed_webhooks;
DROP TABLE webhook_cursor;
DROP TABLE webhooks;
