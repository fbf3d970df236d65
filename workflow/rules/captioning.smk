# Captioning (seed 001, section 4.2): features of all images once, shared epochs, then each arm.
rule encode_images:
    input:
        start=of_run(start_weights),
        checkpoint=of_run(given_checkpoint),
        changed=changed_run,
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
        encoder=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/encoder.pt",
        features=expand(
            f"{RUNS}/{{{{experiment}}}}/{{{{arm}}}}/seed{{{{seed}}}}/features_{{split}}.npy",
            split=["train", "validation", "test"],
        ),
    log:
        f"{RESULTS}/logs/encode_images/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/encode_images/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("encode"),
    # Every decoder waits for it.
    priority: 10
    conda:
        "../../envs/environment.yaml"
    threads: run_threads
    resources:
        gpu=n_gpus,
        options=RUN_OPTIONS,
    params:
        scale=SCALE_NAME,
        checkpoints=CHECKPOINTS,
        start=lambda wildcards, input: f"--start {input.start}" if input.start else "",
    message:
        "{wildcards.experiment}: features of all images"
    shell:
        "python -m partial_backprop train {wildcards.experiment} {wildcards.arm} {wildcards.seed}"
        " --scale {params.scale} {resources.options} {params.start}"
        " --out $(dirname {output.record}) --checkpoints {params.checkpoints} --log {log}"


rule train_decoder_trunk:
    input:
        features=of_run(image_features),
        changed=changed_run,
    output:
        trunk=f"{RUNS}/{{experiment}}/trunk/seed{{seed}}/trunk.pt",
    log:
        f"{RESULTS}/logs/train_decoder_trunk/{{experiment}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_decoder_trunk/{{experiment}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("caption"),
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
        " --scale {params.scale} {resources.options} --features $(dirname {input.features})"
        " --out $(dirname {output.trunk}) --checkpoints {params.checkpoints} --log {log}"


rule train_decoder:
    input:
        trunk=of_run(shared_trunk),
        features=of_run(image_features),
        changed=changed_run,
    output:
        record=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/record.json",
        history=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/history.csv",
        weights=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/weights.pt",
        mask=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/mask.pt",
        captions=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/captions.json",
        examples=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/examples.npz",
        vocabulary=f"{RUNS}/{{experiment}}/{{arm}}/seed{{seed}}/vocabulary.json",
    log:
        f"{RESULTS}/logs/train_decoder/{{experiment}}_{{arm}}_seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_decoder/{{experiment}}_{{arm}}_seed{{seed}}.tsv"
    wildcard_constraints:
        experiment=with_recipe("caption"),
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
        "{wildcards.experiment}: {wildcards.arm}, seed {wildcards.seed}"
    shell:
        "python -m partial_backprop train {wildcards.experiment} {wildcards.arm} {wildcards.seed}"
        " --scale {params.scale} {resources.options} --features $(dirname {input.features})"
        " --trunk {input.trunk} --out $(dirname {output.record})"
        " --checkpoints {params.checkpoints} --log {log}"
