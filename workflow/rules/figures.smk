# Figures: records or gradient samples in, a PDF and a PNG out; one rule a figure, of its name.

FIGURES_MADE = [name for name in CAPTIONS if name.startswith("figure_")]

for figure_name in FIGURES_MADE:
    figure_pdf = f"{FIGURES}/{figure_name}.pdf"
    figure_reads = CAPTIONS[figure_name].reads
    figure_experiments = (
        EXPERIMENTS if figure_reads.experiments == "all" else figure_reads.experiments
    )
    figure_records, figure_gradients, figure_benchmarks, figure_beside = read_by(
        figure_name, figure_experiments, figure_reads.arms
    )

    rule:
        name:
            figure_name
        input:
            records=of_print(figure_pdf, figure_records),
            gradients=of_print(figure_pdf, figure_gradients),
            benchmarks=of_print(figure_pdf, figure_benchmarks),
            beside=of_print(figure_pdf, figure_beside),
            reported=of_print(figure_pdf, ["config/reported.yaml"]),
            claims=of_print(figure_pdf, CLAIMS if figure_reads.claims else []),
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
