# Aggregate: every record of the scale in tidy tables, for whoever wants to go on from there.
ALL_RECORDS = records(experiments=EXPERIMENTS)
FRAMES = f"{RESULTS}/runs.csv"


rule aggregate_records:
    input:
        records=of_print(FRAMES, ALL_RECORDS),
        changed=changed_print(FRAMES, "aggregate", "runs", ALL_RECORDS),
    output:
        runs=update(FRAMES),
        layers=update(f"{RESULTS}/layers.csv"),
        histories=update(f"{RESULTS}/histories.csv"),
        configurations=update(f"{RESULTS}/configurations.csv"),
    log:
        f"{RESULTS}/logs/aggregate_records.log",
    group:
        "print"
    conda:
        "../../envs/environment.yaml"
    params:
        scale=SCALE_NAME,
    message:
        "All records in four tidy tables"
    shell:
        "python -m partial_backprop aggregate --scale {params.scale} --records {input.records}"
        " --out $(dirname {output.runs}) 2> {log}"
