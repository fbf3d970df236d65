# Tables: records in, a CSV and a LaTeX table out; one rule a table, of its name.

TABLES = [name for name in CAPTIONS if name.startswith("table_")]
# A table reads the runs that its entry names; the ledger all of them.
ENTRIES = {name: told(table_entries.read, name) for name in TABLES}

for table_name in TABLES:
    table_csv = f"{RESULTS}/tables/{table_name}.csv"
    table_reads = CAPTIONS[table_name].reads
    table_experiments = (
        EXPERIMENTS
        if table_reads.experiments == "all"
        else ENTRIES[table_name].experiments
    )
    table_records, table_gradients, table_benchmarks, _ = read_by(
        table_name, table_experiments, ENTRIES[table_name].arms
    )

    rule:
        name:
            table_name
        input:
            records=of_print(table_csv, table_records),
            gradients=of_print(table_csv, table_gradients),
            benchmarks=of_print(table_csv, table_benchmarks),
            reported=of_print(table_csv, ["config/reported.yaml"]),
            claims=of_print(table_csv, CLAIMS if table_reads.claims else []),
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
