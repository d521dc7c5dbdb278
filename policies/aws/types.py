"""Type tokens of AWS resources, with the older names that the provider still takes."""

BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
BUCKET_ACLS = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2")
OBJECTS = ("aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2")
BUCKET_ENCRYPTION = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
BUCKET_OWNERSHIP = ("aws:s3/bucketOwnershipControls:BucketOwnershipControls",)
BUCKET_POLICIES = ("aws:s3/bucketPolicy:BucketPolicy",)
BUCKET_PUBLIC_ACCESS = ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",)
BUCKET_VERSIONING = ("aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2")
ACCOUNT_PUBLIC_ACCESS = ("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",)

INSTANCES = ("aws:ec2/instance:Instance", "aws:ec2/spotInstanceRequest:SpotInstanceRequest")
LAUNCH_TEMPLATES = ("aws:ec2/launchTemplate:LaunchTemplate",)
LAUNCH_CONFIGURATIONS = ("aws:ec2/launchConfiguration:LaunchConfiguration",)
MACHINES = (*INSTANCES, *LAUNCH_TEMPLATES, *LAUNCH_CONFIGURATIONS)
VOLUMES = ("aws:ebs/volume:Volume",)
SUBNETS = ("aws:ec2/subnet:Subnet",)

SECURITY_GROUPS = ("aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
SECURITY_GROUP_RULES = ("aws:ec2/securityGroupRule:SecurityGroupRule",)
INGRESS_RULES = ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",)

LISTENERS = (
    "aws:lb/listener:Listener",
    "aws:alb/listener:Listener",
    "aws:elasticloadbalancingv2/listener:Listener",
    "aws:applicationloadbalancing/listener:Listener",
)
TARGET_GROUPS = (
    "aws:lb/targetGroup:TargetGroup",
    "aws:alb/targetGroup:TargetGroup",
    "aws:elasticloadbalancingv2/targetGroup:TargetGroup",
    "aws:applicationloadbalancing/targetGroup:TargetGroup",
)

LOAD_BALANCERS = (
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:alb/loadBalancer:LoadBalancer",
    "aws:elasticloadbalancingv2/loadBalancer:LoadBalancer",
    "aws:applicationloadbalancing/loadBalancer:LoadBalancer",
)
SCALING_GROUPS = ("aws:autoscaling/group:Group",)

REPLICATION_GROUPS = ("aws:elasticache/replicationGroup:ReplicationGroup",)
CACHE_CLUSTERS = ("aws:elasticache/cluster:Cluster",)

ROLES = ("aws:iam/role:Role",)
IDENTITY_POLICIES = (
    "aws:iam/policy:Policy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)
ATTACHMENTS = (
    "aws:iam/policyAttachment:PolicyAttachment",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
)
ACCESS_KEYS = ("aws:iam/accessKey:AccessKey",)

SECRETS = ("aws:secretsmanager/secret:Secret",)
SECRET_VERSIONS = ("aws:secretsmanager/secretVersion:SecretVersion",)
SECRET_POLICIES = ("aws:secretsmanager/secretPolicy:SecretPolicy",)
KMS_KEYS = ("aws:kms/key:Key",)
KMS_KEY_POLICIES = ("aws:kms/keyPolicy:KeyPolicy",)
