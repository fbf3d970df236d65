"""Names for people: how networks, data sets, arms and selection rules are called in print."""

CNNS = {
    "vgg19_cifar10": "VGG19",
    "resnet110_cifar10": "ResNet-110",
    "densenet121_cifar10": "DenseNet-121",
    "lenet5_mnist": "LeNet-5",
}
"""Experiments of pb2020, section 4.1, in the order of its Table 1 -> name of the network."""

ALL_OF_MNIST = {"lenet5_mnist_60000": "LeNet-5, all of MNIST"}
"""The same on all 60,000 training images, as in the source, with none held out -> name in print."""

AS_IN_SOURCE = {"lenet5_mnist": "lenet5_mnist_60000"}
"""Experiment of `CNNS` -> the one that has the source's split too, which stands in its place where it ran."""

ARMS = {
    "fb": "FB",
    "pb": "PB",
    "pb_gradient": "PB, gradients only",
    "pb_otsu": "PB, Otsu",
    "pb_random": "PB, random mask",
    "pb_filters": "PB, whole filters",
    "pb_largest": "PB, largest gradients",
    "pb_remask35": "PB, new masks",
    "pb_remask": "PB, new masks (4)",
    "pb_final_fb": "PB, FB at the end",
    "pb_share20": "PB, 20 % frozen",
    "pb_share50": "PB, 50 % frozen",
    "pb_share80": "PB, 80 % frozen",
    "pb_share95": "PB, 95 % frozen",
    "pb_share99": "PB, 99 % frozen",
    "pb_omega0": "PB, Ω = 0",
    "pb_omega1": "PB, Ω = 1",
    "pb_omega5": "PB, Ω = 5",
    "fb_bf16": "FB, bfloat16",
}
"""Arms in the order in which they are printed."""

CAPTIONING = {
    "encoder_pretraining": "Scene CNN",
    "caption_features": "Encoder",
    "captioning": "Decoder with attention",
    "captioning_15": "Decoder with attention, 15 epochs",
}
"""Experiments of pb2020, section 4.2 -> name in print."""

LABS = {
    "lab1": "Lab 1",
    "resnet20_pretraining": "ResNet-20",
    "lab2_pruning": "Lab 2",
    "lab3_quantization": "Lab 3",
}
"""Experiments of sparse_homework, in its order -> name in print."""

LAB_NETWORK = "ResNet-20"
"""Network of Labs 2 and 3 of sparse_homework."""

LAB2 = {
    "finetune": "layer by layer, at once",
    "iterative": "layer by layer, in steps",
    "iterative_global": "over all layers, in steps",
}
"""Arms of the experiment ``lab2_pruning``, in the order of the seed's parts (c) to (e)."""

LAB3 = {
    "finetune_4bit": "quantized to 4 bits",
    "finetune_3bit": "quantized to 3 bits",
    "finetune_2bit": "quantized to 2 bits",
    "joint_4bit": "pruned, then quantized to 4 bits",
    "joint_3bit": "pruned, then quantized to 3 bits",
    "joint_2bit": "pruned, then quantized to 2 bits",
    "joint_zeros_lost": "pruned, then quantized, zeros lost",
    "iterative_4bit": "pruned in steps under 4 bits",
}
"""Arms of the experiment ``lab3_quantization``, in the order of the seed's parts (c) to (e)."""

PRUNINGS = {
    "sparsification": "Keras CNN",
    "cnn_training": "CNN",
    "weight_pruning": "Weight pruning",
    "filter_pruning": "Filter pruning",
}
"""Experiments of gradient_notes and pruning_logs -> name in print."""

SPARSIFICATION = {
    "full": "all gradients",
    "threshold": "the smallest zeroed",
    "random": "as many at random",
}
"""Arms of the experiment ``sparsification``, in their order."""

WEIGHT_PRUNING = {"pruned": "pruned by magnitude", "dense": "fine-tuned, nothing pruned"}
"""Arms of the experiment ``weight_pruning``; the second tells what fine-tuning does by itself."""

FILTER_PRUNING = {
    "plain": "without penalty",
    "group_filters": "group lasso by filters",
    "group_channels": "group lasso by channels",
    "squares": "sum of squares in its place",
    "softmax_twice": "softmax twice",
    "as_printed": "as the source's script",
}
"""Arms of the experiment ``filter_pruning``; the fourth and fifth have one defect each."""

TINYSCRIPT = {"tinyscript": "TinyScript, LeNet-5", "tinyscript_cifar10": "TinyScript, ResNet-20"}
"""Experiments with activations and gradients in few bits -> name in print."""

TINYSCRIPT_ARMS = {
    f"{prefix}{levels}_{bits}bit": f"{what}{name} levels, {bits} bits"
    for prefix, what in (
        ("", ""),
        ("activations_", "activations alone: "),
        ("gradients_", "gradients alone: "),
    )
    for levels, name in (("uniform", "uniform"), ("weibull", "Weibull"))
    for bits in (2, 3, 4)
}
"""Arms of these experiments but ``float``, in their order."""

CRITERIA = {"criteria_lenet5": "Criteria, LeNet-5", "criteria_resnet20": "Criteria, ResNet-20"}
"""Experiments in which weights freeze by several criteria -> name in print."""

CRITERIA_ARMS = {
    "fb": "FB",
    "gradient": "gradient |g|",
    "magnitude": "magnitude |w|, largest active",
    "magnitude_smallest": "magnitude |w|, smallest active",
    "fisher": "Fisher, mean g² of 8 batches",
    "snip": "SNIP |w · g|",
    "movement": "movement −w · g",
    "wanda": "Wanda |w| · ‖x‖",
    "n_m": "one of ten inputs by |g|",
    "rows": "whole rows by mean |g|",
    "random": "random, layer by layer as gradient",
}
"""Arms of these experiments, in their order."""

FINETUNING = {"finetune": "Fine-tuning, EfficientNet-Lite0"}
"""Experiment that fine-tunes public weights -> name in print."""

FINETUNING_ARMS = {
    "fb": "FB",
    "pb_1": "PB, 1 % active",
    "pb_5": "PB, 5 % active",
    "pb_20": "PB, 20 % active",
    "bitfit": "biases and normalisations",
    "head": "head only",
}
"""Its arms, in their order."""

DESSILBI = {
    "dessilbi_mnist": "optimizers on MNIST",
    "dessilbi_cifar10": "optimizers on CIFAR-10",
    "dessilbi_imagenet": "optimizers on ImageNet",
    "dessilbi_vgg16": "DessiLBI, VGG16",
    "dessilbi_resnet56": "DessiLBI, ResNet-56",
    "dessilbi_cost": "cost of a step",
    "dessilbi_lenet3": "DessiLBI, LeNet-3",
    "dessilbi_conv2": "DessiLBI, Conv-2",
    "dessilbi_conv4": "DessiLBI, Conv-4",
    "dessilbi_early_vgg16": "DessiLBI, VGG16, stopped early",
    "dessilbi_early_resnet56": "DessiLBI, ResNet-56, stopped early",
    "dessilbi_ticket_vgg16": "winning ticket, VGG16",
    "dessilbi_ticket_resnet56": "winning ticket, ResNet-56",
}
"""Experiments of dessilbi2020 -> name in print."""

NETWORKS = {
    "lenet3": "LeNet-3",
    "lenet5": "LeNet-5 8-32",
    "lenet5_6_16_120": "LeNet-5 6-16-120",
    "conv2": "Conv-2",
    "conv4": "Conv-4",
    "vgg16": "VGG16",
    "resnet18": "ResNet-18",
    "resnet20": "ResNet-20",
    "resnet56": "ResNet-56",
    "resnet56_bottleneck": "ResNet-56, bottleneck",
}
"""Module in ``networks`` of dessilbi2020's experiments -> name in print."""

OPTIMIZERS = {
    "sgd": "SGD",
    "sgd_l1": "SGD, ℓ1",
    "sgd_mom": "SGD, momentum",
    "sgd_mom_wd": "SGD, momentum, decay",
    "sgd_nesterov": "SGD, Nesterov",
    "adam": "Adam",
    "adabound": "Adabound",
    "adagrad": "Adagrad",
    "amsgrad": "AMSGrad",
    "radam": "RAdam",
    "dessilbi": "DessiLBI",
    "dessilbi_mom": "DessiLBI, momentum",
    "dessilbi_mom_wd": "DessiLBI, momentum, decay",
}
"""Arms of ``dessilbi_mnist`` and its like, in the order of dessilbi2020's Table 1 -> name in print."""

ALGORITHMS = {"amsgrad": "AMSGrad", "adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
"""Name of an optimizer in a configuration -> name in print."""

EXPERIMENTS = CNNS | ALL_OF_MNIST | CAPTIONING | LABS | PRUNINGS | TINYSCRIPT | CRITERIA
EXPERIMENTS |= FINETUNING | DESSILBI
"""All experiments, in the order of the paper."""

ALL_ARMS = (
    CRITERIA_ARMS
    | FINETUNING_ARMS
    | ARMS
    | LAB2
    | LAB3
    | SPARSIFICATION
    | WEIGHT_PRUNING
    | FILTER_PRUNING
)
ALL_ARMS |= TINYSCRIPT_ARMS | OPTIMIZERS
"""The arms of all experiments."""

RULES = {
    "paper_protocol": "best on test",
    "best_on_validation": "best on validation",
    "last": "last epoch",
}
"""Selection rule of a record -> which epoch it takes; the first is the protocol of pb2020's listing."""

DATA = {
    "captioned_scenes": "captioned scenes",
    "cifar10": "CIFAR-10",
    "cifar10-jpeg": "CIFAR-10 (JPEG)",
    "digits": "digits",
    "fashion_mnist": "Fashion-MNIST",
    "flickr8k": "Flickr8k",
    "flickr8k-224px": "Flickr8k at 224×224 pixels",
    "mnist": "MNIST",
    "scenes": "scenes",
}
"""Name of a data set in a record -> its name in print; any other is printed as it is."""


def data(name: str) -> str:
    """Return the printed name of a data set."""
    return DATA.get(name, name)


def arm(name: str) -> str:
    """Return the printed name of an arm."""
    return ALL_ARMS.get(name, name.replace("_", " "))


def experiment(name: str) -> str:
    """Return the printed name of an experiment."""
    return EXPERIMENTS.get(name, name)


def network(name: str) -> str:
    """Return the printed name of a network of dessilbi2020; any that has none is printed as it is."""
    return NETWORKS.get(name, name)
