# Aggregate: every record of the scale in tidy tables, for whoever wants to go on from there.
rule aggregate_records:
    input:
        records=records(),
        code=code("artifacts"),
    output:
        runs=f"{RESULTS}/runs.csv",
        layers=f"{RESULTS}/layers.csv",
        histories=f"{RESULTS}/histories.csv",
    log:
        f"{RESULTS}/logs/aggregate_records.log",
    message:
        "All records in three tidy tables"
    shell:
        "python -m partial_backprop aggregate --scale {SCALE_NAME} --records {input.records}"
        " --out {RESULTS} 2> {log}"
