# Runs other than FB and PB: linear models, sparsified gradients, pruning, quantization, inclusion paths
# (seeds 000, 002, 003, 004).
rule run_linear:
    input:
        changed=changed_run,
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
    log:
        f"{RESULTS}/logs/run_linear/{{experiment}}_{{arm}}_seed{{seed}}.log",
    wildcard_constraints:
        experiment=with_recipe("linear_lab"),
    conda:
        "../../envs/environment.yaml"
    params:
        scale=SCALE_NAME,
    message:
        "{wildcards.experiment}: {wildcards.arm}"
    shell:
        "python -m partial_backprop train {wildcards.experiment} {wildcards.arm} {wildcards.seed}"
        " --scale {params.scale} --out $(dirname {output.record}) --log {log}"


rule train_alone:
    input:
        changed=changed_run,
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
        history=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/history.csv",
        weights=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/weights.pt",
    log:
        f"{RESULTS}/logs/train_alone/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_alone/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("sparsify", "inclusion", "tinyscript", "finetune"),
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
        " --out $(dirname {output.record}) --checkpoints {params.checkpoints}"
        " --log {log}"


use rule train_alone as pretrain with:
    input:
        checkpoint=of_run(given_checkpoint),
        changed=changed_run,
    log:
        f"{RESULTS}/logs/pretrain/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pretrain/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("pretrain"),
    # Other runs wait for its weights, and it is the longest of them.
    priority: 10


use rule train_alone as prune_filters with:
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
        history=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/history.csv",
        weights=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/weights.pt",
        text=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/log.txt",
        timing=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/timing.csv",
    log:
        f"{RESULTS}/logs/prune_filters/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/prune_filters/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("filter_prune"),


use rule train_alone as train_path with:
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
        history=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/history.csv",
        weights=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/weights.pt",
        path=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/path.pt",
    log:
        f"{RESULTS}/logs/train_path/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_path/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("inclusion_masks"),
    # Tickets wait for its masks.
    priority: 10


rule compress:
    input:
        start=of_run(start_weights),
        changed=changed_run,
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
        history=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/history.csv",
        weights=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/weights.pt",
    log:
        f"{RESULTS}/logs/compress/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/compress/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("compress", "weight_prune"),
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
        " --start {input.start} --out $(dirname {output.record})"
        " --checkpoints {params.checkpoints} --log {log}"


use rule compress as train_ticket with:
    input:
        start=of_run(start_path),
        changed=changed_run,
    log:
        f"{RESULTS}/logs/train_ticket/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_ticket/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("ticket"),


rule measure_cost:
    input:
        changed=changed_run,
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
        timing=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/timing.csv",
    log:
        f"{RESULTS}/logs/measure_cost/{{experiment}}_{{arm}}_seed{{seed}}.log",
    wildcard_constraints:
        experiment=with_recipe("optimizer_cost"),
    conda:
        "../../envs/environment.yaml"
    threads: run_threads
    resources:
        gpu=n_gpus,
        options=RUN_OPTIONS,
    params:
        scale=SCALE_NAME,
    message:
        "{wildcards.experiment}: {wildcards.arm}"
    shell:
        "python -m partial_backprop train {wildcards.experiment} {wildcards.arm} {wildcards.seed}"
        " --scale {params.scale} {resources.options} --out $(dirname {output.record}) --log {log}"
