# Tables: records in, a CSV and a LaTeX table out; one rule a table, of its name.

# Otsu's threshold is in the records of the arm that used it; where published records lack that
# arm, the gradient samples have it.
OTSU_WITHOUT_AN_ARM = gradients() if SCALE.published else []

# The arms of Tables 1 and 2.
COMPARED = ("fb", "pb", "pb_otsu", "pb_random")

# Table -> what the terminal says while it is made.
TABLES = {
    "table_1": "Table 1: full and partial backpropagation, one run",
    "table_2": "Table 2: full and partial backpropagation over all seeds",
    "table_arms": "The other arms: criteria, modes and controls",
    "table_mask_stability": "How much the mask depends on the batch that makes it",
    "table_captioning": "Captions: BLEU by decoding, and what is frozen",
    "table_lab1": "Lab 1: where each descent of a linear model ends",
    "table_lab2_pruning": "Lab 2: accuracy of the pruned network",
    "table_lab2_layers": "Labs 2 and 3: zeros in each layer",
    "table_lab3_quantization": "Lab 3: accuracy in few bits",
    "table_lab3_joint": "Lab 3: few bits and many zeros",
    "table_gradients": "Gradients of each layer, and accuracy without many of them",
    "table_weight_pruning": "Size and accuracy of a network with pruned weights",
    "table_filter_pruning": "Zeros, size and accuracy of a network with pruned filters",
    "table_tinyscript": "Accuracy and bytes with activations and gradients in few bits",
    "table_dessilbi_1": "DessiLBI, Table 1: accuracy beside other optimizers",
    "table_dessilbi_2": "DessiLBI, Table 2: accuracy for different kappa",
    "table_dessilbi_3": "DessiLBI, Table 3: density and accuracy on the way, for different kappa",
    "table_dessilbi_4": "DessiLBI, Table 4: accuracy for different nu",
    "table_dessilbi_5": "DessiLBI, Table 5: density and accuracy on the way, for different nu",
    "table_dessilbi_6": "DessiLBI, Table 6: time and memory of a step",
    "table_dessilbi_7": "DessiLBI, Table 7: density of the layers of LeNet-3",
    "table_dessilbi_8": "DessiLBI, Table 8: density of the layers of Conv-2",
    "table_dessilbi_9": "DessiLBI, Table 9: density of the layers of Conv-4",
    "table_dessilbi_10": "DessiLBI, Table 10: settings of the tickets",
    "table_statements": "Ten statements, and what our runs have to say",
    "table_bench": "Speed and memory beside what was aimed at",
    "table_claims": "What the sources claim, and what comes of it",
}
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
    "table_bench": [],
    "table_claims": records(experiments=EXPERIMENTS),
}
TABLE_GRADIENTS = {"table_1": OTSU_WITHOUT_AN_ARM, "table_2": OTSU_WITHOUT_AN_ARM}

for table_name, table_message in TABLES.items():
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
            table_message
        shell:
            "python -m partial_backprop table {params.name} --scale {params.scale}"
            " --records {input.records} --gradients {input.gradients}"
            " --benchmarks {input.benchmarks} --out {output.csv} 2> {log}"


rule tables:
    input:
        [getattr(rules, table_name).output for table_name in TABLES],
