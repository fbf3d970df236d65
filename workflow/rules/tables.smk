# Tables: records in, a CSV and a LaTeX table out; one rule a table, of its name.

# Otsu's threshold is in the records of the arm that used it; where published records lack that
# arm, the gradient samples have it.
OTSU_WITHOUT_AN_ARM = gradients() if SCALE.published else []


rule table_1:
    input:
        records=records("fb", "pb", "pb_otsu", seeds=SCALE.seeds[:1]),
        gradients=OTSU_WITHOUT_AN_ARM,
        reported="config/reported.yaml",
        code=code("artifacts", "tables.table_1"),
    output:
        **table("table_1"),
    log:
        f"{RESULTS}/logs/table_1.log",
    params:
        scale=SCALE_NAME,
    message:
        "Table 1: full and partial backpropagation, one run"
    shell:
        "python -m partial_backprop table table_1 --scale {params.scale} --records {input.records}"
        " --gradients {input.gradients} --out {output.csv} 2> {log}"


rule table_2:
    input:
        records=records("fb", "pb", "pb_otsu"),
        gradients=OTSU_WITHOUT_AN_ARM,
        reported="config/reported.yaml",
        code=code("artifacts", "tables.table_2"),
    output:
        **table("table_2"),
    log:
        f"{RESULTS}/logs/table_2.log",
    params:
        scale=SCALE_NAME,
    message:
        "Table 2: full and partial backpropagation over all seeds"
    shell:
        "python -m partial_backprop table table_2 --scale {params.scale} --records {input.records}"
        " --gradients {input.gradients} --out {output.csv} 2> {log}"


rule table_arms:
    input:
        records=records(),
        reported="config/reported.yaml",
        code=code("artifacts", "tables.table_arms"),
    output:
        **table("table_arms"),
    log:
        f"{RESULTS}/logs/table_arms.log",
    params:
        scale=SCALE_NAME,
    message:
        "The other arms: criteria, modes and controls"
    shell:
        "python -m partial_backprop table table_arms --scale {params.scale} --records {input.records}"
        " --out {output.csv} 2> {log}"


rule tables:
    input:
        rules.table_1.output,
        rules.table_2.output,
        rules.table_arms.output,
