# Figures: records or gradient samples in, a PDF and a PNG out; one rule a figure, of its name.

# Figure -> what the terminal says while it is made.
FIGURES_MADE = {
    "figure_1": "Figure 1: full against partial backpropagation, drawn",
    "figure_2": "Figure 2: gradients of four layers of VGG19",
    "figure_3": "Figure 3: training loss and validation accuracy",
    "figure_4": "Figure 4: four captions, and where the decoder looked",
    "figure_5": "Figure 5: BLEU-n of captions",
    "figure_movement": "How far weights move, by the size of their gradient",
    "figure_kde": "Density of the gradients with the thresholds",
    "figure_lab1": "Lab 1: loss and weights of each descent",
    "figure_lab2": "Lab 2: accuracy against sparsity, and zeros in each layer",
    "figure_lab3": "Lab 3: accuracy against bits",
    "figure_dessilbi": "DessiLBI: paths, densities, filters in their order, tickets",
    "figure_filter_pruning": "Zeros of each filter, by layer",
    "figure_tinyscript": "Magnitudes with levels for them, and accuracy against bits",
    "figure_bench": "How time grows with weights, seeds and jobs",
    "figure_claims": "Claims of the sources: reported against measured",
}
FIGURE_RECORDS = {
    "figure_3": records("fb", "pb"),
    "figure_movement": records("fb", "pb", experiments=SHOWN),
    "figure_4": records("pb", experiments=CAPTIONING, first_seed=True),
    "figure_5": records(experiments=CAPTIONING),
    "figure_lab1": records(experiments=LAB_1),
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
# Figures that read other files beside their records; pictures.npz is there where scripts/pictures.py put it.
BESIDE = {"figure_4": ["examples.npz", "pictures.npz"]}
# Figures that show the sources' printed numbers beside ours.
PRINTED_TOO = ("figure_5", "figure_lab2", "figure_lab3", "figure_filter_pruning")
PRINTED_TOO += ("figure_claims",)

for figure_name, figure_message in FIGURES_MADE.items():

    rule:
        name:
            figure_name
        input:
            records=FIGURE_RECORDS.get(figure_name, []),
            gradients=FIGURE_GRADIENTS.get(figure_name, []),
            benchmarks=BENCHMARKS if figure_name == "figure_bench" else [],
            beside=[
                Path(record).with_name(name).as_posix()
                for record in FIGURE_RECORDS.get(figure_name, [])
                for name in BESIDE.get(figure_name, [])
                if name != "pictures.npz" or Path(record).with_name(name).exists()
            ],
            reported="config/reported.yaml" if figure_name in PRINTED_TOO else [],
            claims=CLAIMS if figure_name == "figure_claims" else [],
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
            code=code("artifacts", f"figures.{figure_name}"),
        message:
            figure_message
        shell:
            "python -m partial_backprop figure {params.name} --scale {params.scale}"
            " --records {input.records} --gradients {input.gradients}"
            " --benchmarks {input.benchmarks} --out {output.pdf} 2> {log}"


rule figures:
    input:
        [getattr(rules, figure_name).output for figure_name in FIGURES_MADE],
