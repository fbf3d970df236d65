# Figures: records or gradient samples in, a PDF and a PNG out; one rule a figure, of its name.
rule figure_1:
    input:
        code=code("artifacts", "figures.figure_1"),
    output:
        **figure("figure_1"),
    log:
        f"{RESULTS}/logs/figure_1.log",
    params:
        scale=SCALE_NAME,
    message:
        "Figure 1: full against partial backpropagation, drawn"
    shell:
        "python -m partial_backprop figure figure_1 --scale {params.scale}"
        " --out {output.pdf} 2> {log}"


rule figure_2:
    input:
        gradients=gradients(["vgg19_cifar10"]),
        code=code("artifacts", "figures.figure_2"),
    output:
        **figure("figure_2"),
    log:
        f"{RESULTS}/logs/figure_2.log",
    params:
        scale=SCALE_NAME,
    message:
        "Figure 2: gradients of four layers of VGG19"
    shell:
        "python -m partial_backprop figure figure_2 --scale {params.scale}"
        " --gradients {input.gradients} --out {output.pdf} 2> {log}"


rule figure_3:
    input:
        records=records("fb", "pb"),
        code=code("artifacts", "figures.figure_3"),
    output:
        **figure("figure_3"),
    log:
        f"{RESULTS}/logs/figure_3.log",
    params:
        scale=SCALE_NAME,
    message:
        "Figure 3: training loss and validation accuracy"
    shell:
        "python -m partial_backprop figure figure_3 --scale {params.scale}"
        " --records {input.records} --out {output.pdf} 2> {log}"


rule figure_kde:
    input:
        gradients=gradients(),
        code=code("artifacts", "figures.figure_kde"),
    output:
        **figure("figure_kde"),
    log:
        f"{RESULTS}/logs/figure_kde.log",
    params:
        scale=SCALE_NAME,
    message:
        "Density of the gradients with the thresholds"
    shell:
        "python -m partial_backprop figure figure_kde --scale {params.scale}"
        " --gradients {input.gradients} --out {output.pdf} 2> {log}"


rule figures:
    input:
        rules.figure_1.output,
        rules.figure_2.output,
        rules.figure_3.output,
        rules.figure_kde.output,
