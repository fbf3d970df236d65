# Paper: everything above in, one PDF out.
PDF = f"paper/{SCALE_NAME}.pdf"
ALL_TABLES = [f"{RESULTS}/tables/{name}.tex" for name in TABLES]
ALL_FIGURES = [f"{FIGURES}/{name}.pdf" for name in FIGURES_MADE]


rule build_paper:
    input:
        records=of_print(PDF, ALL_RECORDS),
        gradients=of_print(PDF, gradients()),
        benchmarks=of_print(PDF, BENCHMARKS),
        tables=of_print(PDF, ALL_TABLES),
        figures=of_print(PDF, ALL_FIGURES),
        source=of_print(PDF, [*map(str, stamps.templates())]),
        reported=of_print(PDF, ["config/reported.yaml"]),
        claims=of_print(PDF, CLAIMS),
        changed=changed_print(
            PDF,
            "paper",
            "paper",
            [*ALL_RECORDS, *gradients(), *BENCHMARKS, *ALL_TABLES, *ALL_FIGURES],
        ),
    output:
        reported(update(PDF), "paper"),
    log:
        f"{RESULTS}/logs/build_paper.log",
    group:
        "print"
    conda:
        "../../envs/environment.yaml"
    params:
        scale=SCALE_NAME,
    message:
        "The paper: {output}"
    shell:
        "python -m partial_backprop paper --scale {params.scale} --records {input.records}"
        " --gradients {input.gradients} --benchmarks {input.benchmarks} --tables {input.tables}"
        " --figures {input.figures} --out {output} 2> {log}"


rule paper:
    input:
        rules.build_paper.output,
