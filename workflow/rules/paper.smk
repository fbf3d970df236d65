# Paper: everything above in, one PDF out.
rule build_paper:
    input:
        records=records(experiments=EXPERIMENTS),
        gradients=gradients(),
        benchmarks=BENCHMARKS,
        tables=[f"{RESULTS}/tables/{name}.tex" for name in TABLES],
        figures=[f"{FIGURES}/{name}.pdf" for name in FIGURES_MADE],
        source=sorted(map(str, Path("paper/source").rglob("*.*"))),
        reported="config/reported.yaml",
    output:
        report(
            update(f"paper/{SCALE_NAME}.pdf"),
            caption="../report/paper.rst",
            category="Paper",
        ),
    log:
        f"{RESULTS}/logs/build_paper.log",
    group:
        "print"
    conda:
        "../../envs/environment.yaml"
    params:
        scale=SCALE_NAME,
        code=code("paper"),
    message:
        "The paper: {output}"
    shell:
        "python -m partial_backprop paper --scale {params.scale} --records {input.records}"
        " --gradients {input.gradients} --benchmarks {input.benchmarks} --tables {input.tables}"
        " --figures {input.figures} --out {output} 2> {log}"


rule paper:
    input:
        rules.build_paper.output,
