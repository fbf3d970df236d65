# Paper: everything above in, one PDF out.
rule build_paper:
    input:
        records=records(),
        gradients=gradients(),
        tables=[
            f"{RESULTS}/tables/{name}.tex"
            for name in ("table_1", "table_2", "table_arms")
        ],
        figures=[
            f"{FIGURES}/{name}.pdf"
            for name in ("figure_1", "figure_2", "figure_3", "figure_kde")
        ],
        source=sorted(map(str, Path("paper/source").rglob("*.*"))),
        reported="config/reported.yaml",
        code=code("paper"),
    output:
        report(
            f"paper/{SCALE_NAME}.pdf",
            caption="../report/paper.rst",
            category="Paper",
        ),
    log:
        f"{RESULTS}/logs/build_paper.log",
    params:
        scale=SCALE_NAME,
    message:
        "The paper: {output}"
    shell:
        "python -m partial_backprop paper --scale {params.scale} --records {input.records}"
        " --gradients {input.gradients} --tables {input.tables} --figures {input.figures}"
        " --out {output} 2> {log}"


rule paper:
    input:
        rules.build_paper.output,
