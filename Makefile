# Every target sets up what it needs in .venv. Needs Python 3.11 to 3.13, a C compiler and make.
PYTHON ?= python3
VENV ?= .venv
# Weather measured in 2023, not part of the project; where it is not, seasons are made ones only.
ORLY ?= ../shared/reference/irrigation/weather_orly_2023
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test soak bench lint clean

demo: $(READY)
	$(BIN)/consigne demo

# Three workers on two cores, as many tests wait for others; in the order they are found, as the longest are few a file.
# What is imported is compiled once: tests start this program again and again, and where the environment forbids to keep
# what was compiled, as containers often do, a fifth of each start compiles it anew.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(READY)
	$(BIN)/pytest -m "not soak" -n 3 --dist loadscope --no-loadscope-reorder

soak: $(READY)
	$(BIN)/pytest -m soak -s --timeout=3600
	$(BIN)/python tests/bench/bench_ingest.py --readings 10000000
	$(BIN)/python tests/bench/bench_reaction.py --seconds 600
	PYTHONPATH=. $(BIN)/python tests/bench/show_irrigation_season.py --full --weather $(ORLY)
	-PYTHONPATH=. $(BIN)/python tests/bench/show_energy_thermal.py --full --weather $(ORLY)
	PYTHONPATH=. $(BIN)/python tests/bench/show_energy_least_heat.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_energy_wrong_forecast.py --full
	PYTHONPATH=. $(BIN)/python tests/bench/show_collection_year.py --full

bench: $(READY) .venv-bench/.ready .venv-flexmeasures/.ready .venv-emhass/.ready
	$(BIN)/python tests/bench/bench_plan.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_programs.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_lighting_report.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_lighting_year.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_irrigation.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_irrigation_patterns.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_irrigation_season.py
	-PYTHONPATH=. $(BIN)/python tests/bench/show_energy_thermal.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_energy_wrong_forecast.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_fao56.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_evcc.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_energy.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_energy_lp_milp.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_energy_450.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_energy_peers.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_like_days.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_energy_citylearn.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_routing.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_kim.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_roads.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_fill.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_replan.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_large.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_routing_check.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_situations.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_collection_day.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_collection_year.py
	$(BIN)/python tests/bench/bench_ingest.py
	$(BIN)/python tests/bench/bench_territory.py
	$(BIN)/python tests/bench/bench_forecasts.py
	$(BIN)/python tests/bench/bench_rules.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_zones.py
	$(BIN)/python tests/bench/bench_delivery.py
	$(BIN)/python tests/bench/bench_reaction.py
	$(BIN)/python tests/bench/bench_status.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_drought.py
	PYTHONPATH=. $(BIN)/python tests/bench/show_compute.py
	PYTHONPATH=. $(BIN)/python tests/bench/bench_compute.py

# Other engines, to measure ours beside. Where they do not install, bench_rules and bench_routing leave them out and say
# so.
.venv-bench/.ready: requirements-bench.lock
	$(PYTHON) -m venv .venv-bench
	echo '*' > .venv-bench/.gitignore
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock \
	  && touch $@ || echo "other engines did not install: benches leave them out"

# Other planners of energy, each with what it pins itself. bench_energy_peers leaves out what does not install.
.venv-%/.ready: requirements-%.lock
	$(PYTHON) -m venv .venv-$*
	echo '*' > .venv-$*/.gitignore
	.venv-$*/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-$*.lock \
	  && touch $@ || echo "$* did not install: benches leave it out"

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# durable-rules has no wheels and may not build: its absence leaves the reference evaluator in charge (docs/adr/0004).
$(READY): requirements-dev.lock requirements-durable.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13: say make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-durable.lock || \
	  echo "durable-rules did not install: the reference evaluator answers, and 'consigne doctor' says so"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf $(VENV) .venv-bench .venv-flexmeasures .venv-emhass var build dist
