# Tables: records in, a CSV and a LaTeX table out; one rule a table, of its name.

# Otsu's threshold is in the records of the arm that used it; where published records lack that
# arm, the gradient samples have it.
OTSU_WITHOUT_AN_ARM = gradients() if SCALE.published else []

TABLES = [name for name in CAPTIONS if name.startswith("table_")]
# A table reads the runs that its entry in config/tables names; the ledger all of them.
ENTRIES = {name: told(table_entries.read, name) for name in TABLES}
TABLE_RECORDS = {
    name: records(
        *entry.arms, experiments=entry.experiments, first_seed=name == "table_1"
    )
    for name, entry in ENTRIES.items()
} | {"table_claims": records(experiments=EXPERIMENTS)}
TABLE_GRADIENTS = {"table_1": OTSU_WITHOUT_AN_ARM, "table_2": OTSU_WITHOUT_AN_ARM}

for table_name in TABLES:
    table_csv = f"{RESULTS}/tables/{table_name}.csv"
    table_records = TABLE_RECORDS[table_name]
    table_gradients = TABLE_GRADIENTS.get(table_name, [])
    table_benchmarks = BENCHMARKS if table_name == "table_bench" else []

    rule:
        name:
            table_name
        input:
            records=of_print(table_csv, table_records),
            gradients=of_print(table_csv, table_gradients),
            benchmarks=of_print(table_csv, table_benchmarks),
            reported=of_print(table_csv, ["config/reported.yaml"]),
            claims=of_print(table_csv, CLAIMS if table_name == "table_claims" else []),
            changed=changed_print(
                table_csv,
                "table",
                table_name,
                [*table_records, *table_gradients, *table_benchmarks],
            ),
        output:
            **table(table_name),
        log:
            f"{RESULTS}/logs/{table_name}.log",
        group:
            "print"
        conda:
            "../../envs/environment.yaml"
        params:
            scale=SCALE_NAME,
            name=table_name,
        message:
            CAPTIONS[table_name].title
        shell:
            "python -m partial_backprop table {params.name} --scale {params.scale}"
            " --records {input.records} --gradients {input.gradients}"
            " --benchmarks {input.benchmarks} --out {output.csv} 2> {log}"


rule tables:
    input:
        [getattr(rules, table_name).output for table_name in TABLES],
