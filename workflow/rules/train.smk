# Train: the epochs that all arms share, then each arm from there.

rule train_trunk:
    input:
        code=run_code,
    output:
        trunk=f"{RUNS}/{{experiment}}/trunk/seed{{seed}}/trunk.pt",
    log:
        f"{RESULTS}/logs/train_trunk/{{experiment}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_trunk/{{experiment}}_seed{{seed}}.tsv"
    threads: run_threads
    resources:
        gpu=n_gpus,
    params:
        sha256=run_sha256,
    message:
        "{wildcards.experiment}: shared epochs, seed {wildcards.seed}"
    shell:
        "python -m partial_backprop train {wildcards.experiment} trunk {wildcards.seed}"
        " --scale {SCALE_NAME} --device {config[device]} --data-root {config[data_root]:q}"
        " --out $(dirname {output.trunk}) --checkpoints {CHECKPOINTS} --log {log}"


rule train_arm:
    input:
        trunk=rules.train_trunk.output.trunk,
        code=run_code,
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
        history=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/history.csv",
        weights=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/weights.pt",
        mask=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/mask.pt",
    log:
        f"{RESULTS}/logs/train_arm/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_arm/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    threads: run_threads
    resources:
        gpu=n_gpus,
    params:
        sha256=run_sha256,
        tensorboard="--tensorboard" if config["tensorboard"] else "",
    message:
        "{wildcards.experiment}: {wildcards.arm}, seed {wildcards.seed}"
    shell:
        "python -m partial_backprop train {wildcards.experiment} {wildcards.arm} {wildcards.seed}"
        " --scale {SCALE_NAME} --device {config[device]} --data-root {config[data_root]:q}"
        " --trunk {input.trunk} --out $(dirname {output.record}) --checkpoints {CHECKPOINTS}"
        " --log {log} {params.tensorboard}"


def thresholds_sha256(wildcards):
    """Hashes of the configurations whose thresholds a gradient sample shows."""
    names = ("pb", "pb_otsu")
    where = (SCALE_NAME, wildcards.experiment)
    runs = [told(configuration.resolve, *where, arm, int(wildcards.seed)) for arm in names]
    return [run.sha256() for run in runs]


rule measure_gradients:
    input:
        trunk=rules.train_trunk.output.trunk,
        code=lambda wildcards: sorted({*run_code(wildcards), *code("recipes.gradient_sample")}),
    output:
        f"{RUNS}/{{experiment}}/trunk/seed{{seed}}/gradients.json",
    log:
        f"{RESULTS}/logs/measure_gradients/{{experiment}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_gradients/{{experiment}}_seed{{seed}}.tsv"
    threads: run_threads
    resources:
        gpu=n_gpus,
    params:
        sha256=thresholds_sha256,
    message:
        "{wildcards.experiment}: gradients after the shared epochs, seed {wildcards.seed}"
    shell:
        "python -m partial_backprop gradients {wildcards.experiment} {wildcards.seed}"
        " --scale {SCALE_NAME} --device {config[device]} --data-root {config[data_root]:q}"
        " --trunk {input.trunk} --out $(dirname {output}) --log {log}"
