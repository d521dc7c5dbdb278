# The private registry. `make help` lists the targets; the work is done in offline/ (what a machine needs) and stack/ (pulumi).
STACK ?= dev
# The local S3 server is for this stack, unless another one is asked for.
S3_STACK := $(if $(filter file,$(origin STACK)),s3-compatible,$(STACK))
ACCOUNT ?= admin
ARGS ?=
PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
PREPARE := $(PYTHON) -m offline prepare --stack $(STACK)

.DEFAULT_GOAL := help
.PHONY: s3-server s3-server-stop s3-server-delete help up down preview outputs password ops env ci-affected ci-preview ci-drift ci-deploy ci-comment ci-issue test test-fast lint soak bench clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: STACK=dev (which Pulumi.<stack>.yaml), ARGS=... (passed on to pulumi or pytest), OFFLINE=auto|always|never"

up: ## deploy the stack on its Docker engine, and say how to use it
	@$(PREPARE)
	@$(VENV_PYTHON) -m stack up --stack $(STACK) $(ARGS)

down: ## remove the stack; protected volumes stay
	@$(PREPARE)
	@$(VENV_PYTHON) -m stack down --stack $(STACK) $(ARGS)

preview: ## show what `make up` would change, and what the policies say
	@$(PREPARE)
	@$(VENV_PYTHON) -m stack preview --stack $(STACK) $(ARGS)

outputs: ## print the stack's outputs (ARGS=--json, ARGS=--show-secrets)
	@$(PREPARE) --no-engine
	@$(VENV_PYTHON) -m stack outputs --stack $(STACK) $(ARGS)

password: ## print the password of ACCOUNT=admin
	@$(PREPARE) --no-engine
	@$(VENV_PYTHON) -m stack password --stack $(STACK) --account $(ACCOUNT)

ops: ## look after the images: ARGS=status, list, "gc --dry-run", "delete REPOSITORY:TAG", undo, verify, --help
	@$(PREPARE) --no-engine
	@$(VENV_PYTHON) -m stack ops --stack $(STACK) $(ARGS)

env: ## print shell lines for a pulumi of your own: eval "$(make -s env)"
	@$(PREPARE) --no-engine
	@$(VENV_PYTHON) -m stack env --stack $(STACK)

s3-server: ## start a local S3 server for STACK=s3-compatible
	@$(PYTHON) -m offline prepare --stack $(S3_STACK)
	@$(VENV_PYTHON) -m stack s3-server --stack $(S3_STACK) start

s3-server-stop: ## stop it; its objects stay
	@$(VENV_PYTHON) -m stack s3-server --stack $(S3_STACK) stop

s3-server-delete: ## stop it and delete its objects
	@$(VENV_PYTHON) -m stack s3-server --stack $(S3_STACK) delete

ci-affected: ## print the stacks that a change touches (ARGS="--since main")
	@$(PYTHON) -m stack.ci affected $(ARGS)

ci-preview: ## preview as continuous integration does: policy pack on, report as Markdown
	@$(PREPARE)
	@$(VENV_PYTHON) -m stack.ci preview --stack $(STACK) $(ARGS)

ci-drift: ## compare the stack with what really exists and with the code; report as Markdown
	@$(PREPARE)
	@$(VENV_PYTHON) -m stack.ci drift --stack $(STACK) $(ARGS)

ci-deploy: ## deploy as continuous integration does: refuses a state that would be lost
	@$(PREPARE)
	@$(VENV_PYTHON) -m stack.ci deploy --stack $(STACK) $(ARGS)

ci-comment: ## write preview reports on a pull request (in GitHub Actions: ARGS="--number N --reports FOLDER")
	@$(PYTHON) -m stack.ci comment $(ARGS)

ci-issue: ## write drift reports as issues (in GitHub Actions: ARGS="--reports FOLDER")
	@$(PYTHON) -m stack.ci issue $(ARGS)

test: ## check and test everything, on real binaries and containers
	@$(PYTHON) -m offline prepare --dev
	@$(VENV_PYTHON) -m tests.run all $(ARGS)

test-fast: ## run the tests that need neither Docker nor pulumi
	@$(PYTHON) -m offline venv --dev
	@$(VENV_PYTHON) -m tests.run fast $(ARGS)

lint: ## check style, types and shell scripts
	@$(PYTHON) -m offline venv --dev
	@$(VENV_PYTHON) -m tests.run lint

soak: ## the loss test at length: pushes and collections side by side (ARGS="--cycles 50 --cache redis --replicas 3")
	@$(PYTHON) -m offline prepare --dev
	@$(VENV_PYTHON) -m tests.ops.gc.soak $(or $(ARGS),--cycles 50 --cache redis --replicas 3)

bench: ## measure a stack, the gate and retention, beside a bare registry (ARGS=stack, gc, retention, "gc --images 2000", --help), or two checkouts (ARGS="loop warm --against PATH")
	@$(PYTHON) -m offline $(if $(filter loop,$(firstword $(ARGS))),venv,prepare) --dev
	@$(VENV_PYTHON) -m bench $(ARGS)

clean: ## remove the virtual environment, builds and caches; never a living stack's state
	@$(PYTHON) -m offline clean
