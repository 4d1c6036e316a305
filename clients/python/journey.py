"""What a program does with the generated client: it creates jobs, waits for their end and reads what became of them."""

import os
from datetime import datetime, timezone
from http import HTTPStatus
from uuid import UUID

from oneoff_client import AuthenticatedClient
from oneoff_client.api.executions import get_execution
from oneoff_client.api.jobs import create_job, delete_job, get_job, list_jobs, update_job
from oneoff_client.api.system import list_job_types
from oneoff_client.models import CreateJob, CreateJobConfigType0, ListJobsStatusItem, Problem, UpdateJob

URL = os.environ["ONEOFF_URL"]
client = AuthenticatedClient(base_url=URL, token=os.environ["ONEOFF_KEY"])


def shell(script: str, **more) -> CreateJob:
    return CreateJob(type_="shell", config=CreateJobConfigType0.from_dict({"script": script}), **more)


def run(job: CreateJob):
    """Creates a job, and answers it and its execution once it is over."""
    answer = create_job.sync_detailed(client=client, body=job)
    assert answer.status_code == HTTPStatus.CREATED, answer
    made = answer.parsed.data
    over = get_job.sync_detailed(UUID(str(made.id)), client=client, wait="30s").parsed.data
    execution = get_execution.sync(UUID(str(over.last_execution)), client=client).data
    return over, execution


job, execution = run(shell("echo from python", name="generated", scheduled_at="now", tags=["generated"]))
assert (job.name, job.status) == ("generated", "completed"), job
assert [tag.name for tag in job.tags] == ["generated"], job
assert isinstance(job.created_at, datetime) and job.created_at.tzinfo == timezone.utc, job
assert (execution.status, execution.exit_code, execution.output) == ("completed", 0, "from python\n"), execution
assert execution.duration_ms > 0, execution

job, execution = run(shell("exit 3", scheduled_at="now"))
assert (job.status, execution.reason, execution.exit_code) == ("failed", "exit_code", 3), execution

waiting = create_job.sync(client=client, body=shell("true", scheduled_at="in 2h")).data
id = UUID(str(waiting.id))
moved = update_job.sync(id, client=client, body=UpdateJob(priority=9, name="moved")).data
assert (moved.priority, moved.name, moved.version) == (9, "moved", waiting.version + 1), moved
page = list_jobs.sync(client=client, status=[ListJobsStatusItem.SCHEDULED], total=True)
assert ([one.name for one in page.data], page.total) == (["moved"], 1), page
assert delete_job.sync_detailed(id, client=client).status_code == HTTPStatus.NO_CONTENT
gone = get_job.sync(id, client=client)
assert isinstance(gone, Problem) and gone.code == "not_found", gone

refused = create_job.sync(client=client, body=shell("true", scheduled_at="whenever"))
assert isinstance(refused, Problem) and refused.errors[0].pointer == "/scheduled_at", refused
stranger = AuthenticatedClient(base_url=URL, token="oneoff_nobody")
assert list_jobs.sync(client=stranger).code == "unauthorized"
assert "shell" in list_job_types.sync(client=client).data
