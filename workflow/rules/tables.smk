# Tables: records in, a CSV and a LaTeX table out; one rule a table, of its name.

# Otsu's threshold is in the records of the arm that used it; where published records lack that
# arm, the gradient samples have it.
OTSU_WITHOUT_AN_ARM = gradients() if SCALE.published else []

# The arms of Tables 1 and 2.
COMPARED = ("fb", "pb", "pb_otsu", "pb_random")

TABLES = [name for name in CAPTIONS if name.startswith("table_")]
TABLE_RECORDS = {
    "table_1": records(*COMPARED, experiments=SHOWN, first_seed=True),
    "table_2": records(*COMPARED, experiments=SHOWN),
    "table_arms": records(experiments=SHOWN),
    "table_mask_stability": records("fb", "pb", experiments=SHOWN),
    "table_captioning": records(experiments=ENCODER + CAPTIONING),
    "table_lab1": records(experiments=LAB_1),
    "table_lab2_pruning": records(experiments=PRETRAINING + LAB_2),
    "table_lab2_layers": records(experiments=PRETRAINING + LAB_2 + LAB_3),
    "table_lab3_quantization": records(experiments=PRETRAINING + LAB_2 + LAB_3),
    "table_lab3_joint": records(experiments=PRETRAINING + LAB_2 + LAB_3),
    "table_gradients": records(experiments=SPARSIFICATION),
    "table_weight_pruning": records(experiments=WEIGHT_PRUNING),
    "table_filter_pruning": records(experiments=FILTER_PRUNING),
    "table_tinyscript": records(experiments=TINYSCRIPT),
    "table_dessilbi_1": records(experiments=RIVALS),
    **{f"table_dessilbi_{n}": records(experiments=TUNED) for n in (2, 3, 4, 5)},
    "table_dessilbi_6": records(experiments=STEP_COST),
    **{
        f"table_dessilbi_{n}": records(experiments=[path])
        for n, path in zip((7, 8, 9), PATHS)
    },
    "table_dessilbi_10": records(experiments=EARLY + TICKETS),
    "table_statements": records(
        experiments=LAB_1 + PRETRAINING + LAB_2 + LAB_3 + FILTER_PRUNING
    ),
    "table_claims": records(experiments=EXPERIMENTS),
}
TABLE_GRADIENTS = {"table_1": OTSU_WITHOUT_AN_ARM, "table_2": OTSU_WITHOUT_AN_ARM}

for table_name in TABLES:
    table_csv = f"{RESULTS}/tables/{table_name}.csv"
    table_records = TABLE_RECORDS.get(table_name, [])
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
