# Tables: records in, a CSV and a LaTeX table out; one rule a table, of its name.

# Otsu's threshold is in the records of the arm that used it; where published records lack that
# arm, the gradient samples have it.
OTSU_WITHOUT_AN_ARM = gradients() if SCALE.published else []

# Table -> what the terminal says while it is made.
TABLES = {
    "table_1": "Table 1: full and partial backpropagation, one run",
    "table_2": "Table 2: full and partial backpropagation over all seeds",
    "table_arms": "The other arms: criteria, modes and controls",
    "table_lab1": "Lab 1: where each descent of a linear model ends",
    "table_lab2_pruning": "Lab 2: accuracy of the pruned network",
    "table_lab2_layers": "Labs 2 and 3: zeros in each layer",
    "table_lab3_quantization": "Lab 3: accuracy in few bits",
    "table_lab3_joint": "Lab 3: few bits and many zeros",
    "table_gradients": "Gradients of each layer, and accuracy without many of them",
    "table_weight_pruning": "Size and accuracy of a network with pruned weights",
    "table_filter_pruning": "Zeros, size and accuracy of a network with pruned filters",
    "table_statements": "Ten statements, and what our runs have to say",
}
TABLE_RECORDS = {
    "table_1": records("fb", "pb", "pb_otsu", first_seed=True),
    "table_2": records("fb", "pb", "pb_otsu"),
    "table_arms": records(),
    "table_lab1": records(experiments=LAB_1),
    "table_lab2_pruning": records(experiments=PRETRAINING + LAB_2),
    "table_lab2_layers": records(experiments=PRETRAINING + LAB_2 + LAB_3),
    "table_lab3_quantization": records(experiments=PRETRAINING + LAB_2 + LAB_3),
    "table_lab3_joint": records(experiments=PRETRAINING + LAB_2 + LAB_3),
    "table_gradients": records(experiments=SPARSIFICATION),
    "table_weight_pruning": records(experiments=WEIGHT_PRUNING),
    "table_filter_pruning": records(experiments=FILTER_PRUNING),
    "table_statements": records(experiments=LAB_1 + PRETRAINING + LAB_2 + LAB_3),
}
TABLE_GRADIENTS = {"table_1": OTSU_WITHOUT_AN_ARM, "table_2": OTSU_WITHOUT_AN_ARM}

for table_name, table_message in TABLES.items():

    rule:
        name:
            table_name
        input:
            records=TABLE_RECORDS[table_name],
            gradients=TABLE_GRADIENTS.get(table_name, []),
            reported="config/reported.yaml",
            code=code("artifacts", f"tables.{table_name}"),
        output:
            **table(table_name),
        log:
            f"{RESULTS}/logs/{table_name}.log",
        params:
            scale=SCALE_NAME,
            name=table_name,
        message:
            table_message
        shell:
            "python -m partial_backprop table {params.name} --scale {params.scale}"
            " --records {input.records} --gradients {input.gradients} --out {output.csv} 2> {log}"


rule tables:
    input:
        [getattr(rules, table_name).output for table_name in TABLES],
