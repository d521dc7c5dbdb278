"""Runs jobs side by side, each as soon as those that it needs have ended."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from offline.kit.command import StoppedError, stop_all
from offline.kit.errors import KitError
from offline.kit.progress import say_what_runs

REPORT_SECONDS = 30.0


@dataclass(frozen=True)
class Job:
    """Something to do, once the jobs in `after` are done. Its result is kept under its name."""

    name: str
    work: Callable[[Mapping[str, object]], object]
    """Is given the results of all jobs that have ended, among them those in `after`."""
    after: tuple[str, ...] = ()


def startable(jobs: Iterable[Job], started: Iterable[str], done: Iterable[str]) -> list[Job]:
    """The jobs that nothing keeps from starting now."""
    begun, ended = set(started), set(done)
    return [job for job in jobs if job.name not in begun and ended.issuperset(job.after)]


def run_jobs(jobs: Iterable[Job], *, report_seconds: float = REPORT_SECONDS) -> dict[str, object]:
    """Runs all jobs in threads and returns their results by name. From time to time one line says what still runs.

    When a job fails, no other starts, those that run are ended, and all that went wrong by itself is raised as one KitError. After
    Ctrl-C the same, with KeyboardInterrupt. Raises ValueError when jobs wait for one another, or for one that there is not.
    """
    waiting = list(jobs)
    results: dict[str, object] = {}
    running: dict[Future[object], str] = {}
    started: set[str] = set()
    problems: list[Exception] = []
    with ThreadPoolExecutor(max_workers=max(1, len(waiting))) as threads:
        try:
            while True:
                for job in [] if problems else startable(waiting, started, results):
                    started.add(job.name)
                    running[threads.submit(job.work, dict(results))] = job.name
                if not running:
                    break
                ended = wait(running, timeout=report_seconds, return_when=FIRST_COMPLETED).done
                if not ended:
                    say_what_runs()
                for future in ended:
                    _take(future, running.pop(future), results, problems)
        except BaseException:
            stop_all()
            raise
    _raise(problems)
    if left := {job.name for job in waiting} - results.keys():
        raise ValueError(f"these jobs can never start: {', '.join(sorted(left))}")
    return results


def _take(future: Future[object], name: str, results: dict[str, object], problems: list[Exception]) -> None:
    try:
        results[name] = future.result()
    except StoppedError:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is, the others have to be ended first; it is raised afterwards
        problems.append(error)
        stop_all()


def _raise(problems: list[Exception]) -> None:
    """Raises what went wrong: a fault of our own as it is, problems that a person can act on together."""
    if not problems:
        return
    ours = [error for error in problems if not isinstance(error, KitError)]
    if ours:
        raise ours[0]
    raise KitError("\n".join(dict.fromkeys(str(error) for error in problems)))
