# Train: the epochs that all arms share, then each arm from there.


rule train_trunk:
    input:
        changed=changed_run,
    output:
        trunk=f"{RUNS}/{{experiment}}/trunk/seed{{seed}}/trunk.pt",
    log:
        f"{RESULTS}/logs/train_trunk/{{experiment}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_trunk/{{experiment}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("classify"),
    conda:
        "../../envs/environment.yaml"
    threads: run_threads
    resources:
        gpu=n_gpus,
        options=RUN_OPTIONS,
    params:
        scale=SCALE_NAME,
        checkpoints=CHECKPOINTS,
    message:
        "{wildcards.experiment}: shared epochs, seed {wildcards.seed}"
    shell:
        "python -m partial_backprop train {wildcards.experiment} trunk {wildcards.seed}"
        " --scale {params.scale} {resources.options}"
        " --out $(dirname {output.trunk}) --checkpoints {params.checkpoints} --log {log}"


rule train_arm:
    input:
        trunk=of_run(shared_trunk),
        changed=changed_run,
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
        history=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/history.csv",
        weights=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/weights.pt",
        mask=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/mask.pt",
    log:
        f"{RESULTS}/logs/train_arm/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_arm/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("classify"),
    conda:
        "../../envs/environment.yaml"
    threads: run_threads
    resources:
        gpu=n_gpus,
        options=ARM_OPTIONS,
    params:
        scale=SCALE_NAME,
        checkpoints=CHECKPOINTS,
    message:
        "{wildcards.experiment}: {wildcards.arm}, seed {wildcards.seed}"
    shell:
        "python -m partial_backprop train {wildcards.experiment} {wildcards.arm} {wildcards.seed}"
        " --scale {params.scale} {resources.options}"
        " --trunk {input.trunk} --out $(dirname {output.record}) --checkpoints {params.checkpoints}"
        " --log {log}"


rule measure_gradients:
    input:
        trunk=of_run(sampled_trunk, GRADIENTS),
        changed=functools.partial(changed_run, arm=GRADIENTS),
    output:
        f"{RUNS}/{{experiment}}/trunk/seed{{seed}}/gradients.json",
    log:
        f"{RESULTS}/logs/measure_gradients/{{experiment}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_gradients/{{experiment}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("classify"),
    conda:
        "../../envs/environment.yaml"
    threads: run_threads
    resources:
        gpu=n_gpus,
        options=RUN_OPTIONS,
    params:
        scale=SCALE_NAME,
    message:
        "{wildcards.experiment}: gradients after the shared epochs, seed {wildcards.seed}"
    shell:
        "python -m partial_backprop gradients {wildcards.experiment} {wildcards.seed}"
        " --scale {params.scale} {resources.options}"
        " --trunk {input.trunk} --out $(dirname {output}) --log {log}"
