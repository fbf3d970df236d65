# Figures: records or gradient samples in, a PDF and a PNG out; one rule a figure, of its name.

FIGURES_MADE = [name for name in CAPTIONS if name.startswith("figure_")]
FIGURE_RECORDS = {
    "figure_3": records("fb", "pb", "pb_random"),
    "figure_movement": records("fb", "pb", experiments=SHOWN),
    "figure_4": records("fb", "pb", experiments=CAPTIONING, first_seed=True),
    "figure_5": records(experiments=CAPTIONING),
    "figure_lab1": records(experiments=LAB_1),
    "figure_lab1_all": records(experiments=LAB_1),
    "figure_lab2": records(experiments=PRETRAINING + LAB_2),
    "figure_lab3": records(experiments=PRETRAINING + LAB_2 + LAB_3),
    "figure_dessilbi": records(
        experiments=RIVALS[:2] + TUNED + PATHS + EARLY + TICKETS
    ),
    "figure_filter_pruning": records(experiments=FILTER_PRUNING),
    "figure_tinyscript": records(experiments=TINYSCRIPT),
    "figure_claims": records(experiments=EXPERIMENTS),
}
FIGURE_GRADIENTS = {
    "figure_2": gradients(["vgg19_cifar10"]),
    "figure_kde": gradients(),
}
# Figures that read other files beside their records. Some may be absent: pictures.npz, which scripts/pictures.py
# writes, and of published runs the captions of all images.
BESIDE = {"figure_4": ["examples.npz", "captions.json", "pictures.npz"]}
MAY_BE_ABSENT = ["pictures.npz", *(["captions.json"] if SCALE.published else [])]

for figure_name in FIGURES_MADE:
    figure_pdf = f"{FIGURES}/{figure_name}.pdf"
    figure_records = FIGURE_RECORDS.get(figure_name, [])
    figure_gradients = FIGURE_GRADIENTS.get(figure_name, [])
    figure_benchmarks = BENCHMARKS if figure_name == "figure_bench" else []
    figure_beside = [
        Path(record).with_name(name).as_posix()
        for record in figure_records
        for name in BESIDE.get(figure_name, [])
        if name not in MAY_BE_ABSENT or Path(record).with_name(name).exists()
    ]

    rule:
        name:
            figure_name
        input:
            records=of_print(figure_pdf, figure_records),
            gradients=of_print(figure_pdf, figure_gradients),
            benchmarks=of_print(figure_pdf, figure_benchmarks),
            beside=of_print(figure_pdf, figure_beside),
            reported=of_print(figure_pdf, ["config/reported.yaml"]),
            claims=of_print(
                figure_pdf, CLAIMS if figure_name == "figure_claims" else []
            ),
            changed=changed_print(
                figure_pdf,
                "figure",
                figure_name,
                [*figure_records, *figure_gradients, *figure_benchmarks],
            ),
        output:
            **figure(figure_name),
        log:
            f"{RESULTS}/logs/{figure_name}.log",
        group:
            "print"
        conda:
            "../../envs/environment.yaml"
        params:
            scale=SCALE_NAME,
            name=figure_name,
        message:
            CAPTIONS[figure_name].title
        shell:
            "python -m partial_backprop figure {params.name} --scale {params.scale}"
            " --records {input.records} --gradients {input.gradients}"
            " --benchmarks {input.benchmarks} --out {output.pdf} 2> {log}"


rule figures:
    input:
        [getattr(rules, figure_name).output for figure_name in FIGURES_MADE],
